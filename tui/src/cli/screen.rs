//! Flags of the commands that show the screen.

use clap::{Args, ValueEnum};

/// How the screen looks and opens.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ScreenArgs {
    /// The terminal's background, for which colours are chosen
    #[arg(long, value_enum, default_value_t, env = "FIRSTBAD_THEME")]
    pub(crate) theme: ThemeName,
    /// Open the first screen without the filters of the last session, and keep nothing of this one
    #[arg(long)]
    pub(crate) no_restore: bool,
}

/// A background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeName {
    /// What COLORFGBG says; else colours that can be read on black and on white
    #[default]
    Auto,
    /// White or nearly so
    Light,
    /// Black or nearly so
    Dark,
}

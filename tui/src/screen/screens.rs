//! The one list of screens, with the keys and words under which the last line, the palette and the help name them.

/// The screens, in the order in which `tab` turns them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Screen {
    Incident,
    Incidents,
    Suspects,
    Hosts,
    Changes,
    Rows,
    Scores,
    Playbook,
    Rollout,
    Panics,
    Deaths,
    Health,
    Help,
    /// Something of another screen, whole: see [`super::model::Opened`].
    Whole,
}

impl Screen {
    /// Every screen that has a key of its own.
    pub(crate) const LISTED: [Self; 12] = [
        Self::Incident,
        Self::Incidents,
        Self::Suspects,
        Self::Hosts,
        Self::Changes,
        Self::Rows,
        Self::Scores,
        Self::Playbook,
        Self::Rollout,
        Self::Panics,
        Self::Deaths,
        Self::Health,
    ];

    /// The word in the last line and in the palette.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Incidents => "list",
            Self::Suspects => "suspects",
            Self::Hosts => "hosts",
            Self::Changes => "changes",
            Self::Rows => "rows",
            Self::Scores => "scores",
            Self::Playbook => "playbook",
            Self::Rollout => "rollout",
            Self::Panics => "panics",
            Self::Deaths => "deaths",
            Self::Health => "health",
            Self::Help => "help",
            Self::Whole => "whole",
        }
    }

    /// What the palette says of it.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Incident => "what broke, since when, where, what to do",
            Self::Incidents => "all incidents, most urgent first",
            Self::Suspects => "explanations with what speaks for and against them",
            Self::Hosts => "hosts, those that fail first",
            Self::Changes => "everything that changed, newest first",
            Self::Rows => "the rows in which bad and good version differ",
            Self::Scores => "scores under the accused version and others",
            Self::Playbook => "what to do, step by step",
            Self::Rollout => "hosts by version over time, and which of them fail",
            Self::Panics => "places in the code that panic",
            Self::Deaths => "processes that died, and restarts",
            Self::Health => "how the collector itself fares, and what is not seen",
            Self::Help => "keys and signs",
            Self::Whole => "something of another screen, whole",
        }
    }

    /// The key that the last line names.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Incident => "1",
            Self::Incidents => "2",
            Self::Suspects => "3",
            Self::Hosts => "4",
            Self::Changes => "5",
            Self::Rows => "6",
            Self::Scores => "7",
            Self::Playbook => "8",
            Self::Rollout => "9",
            Self::Panics => "0",
            Self::Deaths => "D",
            Self::Health => "F",
            Self::Help => "?",
            Self::Whole => "",
        }
    }

    /// Whether it has rows that a filter can keep or leave out. On other screens a filter would hide what they say.
    pub(crate) const fn takes_filter(self) -> bool {
        matches!(
            self,
            Self::Incidents
                | Self::Suspects
                | Self::Hosts
                | Self::Changes
                | Self::Rows
                | Self::Rollout
                | Self::Panics
                | Self::Deaths
        )
    }

    /// Orders in which its rows can stand, the usual one first; empty where there is one alone.
    pub(crate) const fn orders(self) -> &'static [&'static str] {
        match self {
            Self::Hosts => &["failing first", "name", "version", "longest silent", "starts", "panics"],
            Self::Rollout => &["failing first", "name", "most hosts"],
            Self::Panics => &["most panics", "first seen", "most hosts", "place"],
            Self::Deaths => &["latest first", "most deaths", "name"],
            _ => &[],
        }
    }
}

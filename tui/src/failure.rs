//! Trouble of any command: what was attempted with which value, and what a person can do next. The exit code is 2 for all
//! of it; a reader that went away (`| head`) is no trouble.

use firstbad_protocol::Untrusted;
use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// The exit code of trouble (contract section 5).
const TROUBLE: u8 = 2;

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to tell.
    Told {
        /// What was attempted, with which value, and what went wrong. May hold untrusted text.
        message: String,
        /// What a person can do next.
        hint: Option<String>,
    },
    /// Nobody reads our output any more.
    BrokenPipe,
}

impl Failure {
    /// A failure without a hint.
    pub(crate) fn new(message: impl Display) -> Self {
        Self::Told { message: message.to_string(), hint: None }
    }

    /// The same with what a person can do next.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Told { message, .. } => Self::Told { message, hint: Some(hint.into()) },
            Self::BrokenPipe => Self::BrokenPipe,
        }
    }

    /// The same in one line, for the screen. May hold untrusted text.
    pub(crate) fn in_one_line(&self) -> String {
        match self {
            Self::Told { message, hint: Some(hint) } => format!("{message} ({hint})"),
            Self::Told { message, hint: None } => message.clone(),
            Self::BrokenPipe => "nobody reads the output".to_owned(),
        }
    }

    /// Says it on standard error, each line safe for a terminal.
    pub(crate) fn say(&self) -> ExitCode {
        if let Self::Told { message, hint } = self {
            for (index, line) in message.lines().enumerate() {
                eprintln!("{}{}", if index == 0 { "firstbad: " } else { "  " }, Untrusted(line));
            }
            if let Some(hint) = hint {
                eprintln!("hint: {}", Untrusted(hint));
            }
        }
        match self {
            Self::Told { .. } => ExitCode::from(TROUBLE),
            Self::BrokenPipe => ExitCode::SUCCESS,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::BrokenPipe } else { Self::new(error) }
    }
}

impl From<firstbad_collector::ClientError> for Failure {
    fn from(error: firstbad_collector::ClientError) -> Self {
        use firstbad_collector::ClientError as Error;
        let hint = match &error {
            Error::Unreachable { .. } => "start one with `firstbad collect`, or name another with --collector URL",
            Error::Refused { status: 401 | 403, .. } => {
                "--token-file FILE or FIRSTBAD_TOKEN sends a token, --client-cert and --client-key a certificate; docs/security.md"
            }
            Error::NotFound { .. } => "`firstbad incidents` lists what this collector knows",
            Error::Refused { .. } => "its own log says more; `firstbad status` shows how it fares",
            Error::Foreign { .. } => {
                "check that a firstbad collector of this version listens there (default port 4319)"
            }
        };
        Self::new(&error).hint(hint)
    }
}

/// What a capture is.
const CAPTURE: &str = "a capture is OTLP/JSON lines, as the OpenTelemetry Collector's file exporter writes them; .gz and .zst are read too";
/// What a bundle is.
const BUNDLE: &str = "a bundle is what `firstbad bundle ID` writes";

impl From<firstbad_collector::offline::OfflineError> for Failure {
    fn from(error: firstbad_collector::offline::OfflineError) -> Self {
        use firstbad_collector::offline::OfflineError as Error;
        let hint = match error {
            // Of a file that is named like a bundle nobody asked what a capture is.
            Error::Bundle { .. } | Error::BundleAmongOthers(_) => BUNDLE,
            Error::Backwards { .. } => "--from T comes first, then --to T and --at T",
            Error::NoRecorder(_) => "`firstbad recorder list` shows which recorders this host has",
            Error::NothingWithin { .. } => {
                "times are RFC 3339, in UTC or with their offset; without --from and --to all is read"
            }
            _ => CAPTURE,
        };
        Self::new(&error).hint(hint)
    }
}

impl From<firstbad_audit::AuditError> for Failure {
    fn from(error: firstbad_audit::AuditError) -> Self {
        use firstbad_audit::AuditError as Error;
        let hint = match &error {
            Error::Read { .. } => "give a binary that exists and can be read",
            Error::NoSymbols { .. } => {
                "audit the binary before it is stripped, or give its debug file with --debug-file FILE"
            }
            Error::OtherBuild { .. } => "keep the debug file of each build beside its binary",
            Error::Damaged { .. } | Error::Unsupported { .. } | Error::NotRust { .. } => {
                "give a linked Rust program, such as target/release/NAME"
            }
        };
        Self::new(&error).hint(hint)
    }
}

impl From<crate::demo::DemoError> for Failure {
    fn from(error: crate::demo::DemoError) -> Self {
        match error {
            crate::demo::DemoError::Screen(error) => error.into(),
            other => Self::new(&other),
        }
    }
}

impl From<firstbad_collector::StartError> for Failure {
    fn from(error: firstbad_collector::StartError) -> Self {
        use firstbad_collector::StartError as Error;
        let told = Self::new(&error);
        match error {
            Error::PortTaken { .. } => {
                told.hint("another firstbad may run here: `firstbad status` asks it; port 0 takes a free port")
            }
            Error::Store(firstbad_collector::store::StoreError::Held { .. }) => {
                told.hint("another firstbad runs here: `firstbad status` asks it")
            }
            // The others say themselves what to do.
            _ => told,
        }
    }
}

macro_rules! plain {
    ($($error:ty => $hint:expr),* $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(&error).hint($hint)
            }
        })*
    };
}

plain! {
    firstbad_collector::BundleError => BUNDLE,
    firstbad_collector::security::SecurityError => "docs/security.md describes certificates, tokens and their files",
    firstbad_collector::settings::FileError => "`firstbad gen config` prints a sample with every key",
    firstbad_collector::recorder::RecorderError => "`firstbad recorder list` shows which recorders this host has",
    firstbad_playbooks::LibraryError => "`firstbad playbook list` without --dir shows the embedded playbooks",
}

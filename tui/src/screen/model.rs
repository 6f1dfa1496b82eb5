//! Everything that the screen knows. `update` is its only writer, `view` only reads it; it holds no terminal, socket or
//! clock.

pub(crate) use super::screens::Screen;
use super::site_history::SiteHistory;
use super::theme::Theme;
use super::word_form::WordForm;
use firstbad_collector::Status;
use firstbad_protocol::Hash;
use firstbad_protocol::content::parse::SettingsDifference;
use firstbad_protocol::content::{Difference, Inspection};
use firstbad_protocol::snapshot::{SiteView, Snapshot};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Incident, by_urgency};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the data come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A collector in this process; the addresses that it listens on, for people who want to send data.
    Embedded {
        /// OTLP over gRPC.
        otlp_grpc: String,
        /// OTLP over HTTP.
        otlp_http: String,
        /// Where recorders are looked for.
        recorders: String,
        /// Recorders that are not read, and what to do about it. Untrusted text.
        not_seen: Vec<String>,
    },
    /// A collector in this process, beside the stage of the demo.
    Demo,
    /// A collector at this URL.
    Attached(String),
    /// A file.
    Replay(String),
}

/// Whether data flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Nothing has come yet.
    Connecting,
    /// The last thing that came was a snapshot.
    Live,
    /// The connection failed.
    Lost {
        /// When it was first found to be lost, on the screen's clock.
        since_ms: u64,
        /// Attempts since.
        attempts: u32,
        /// Why the last one failed. Untrusted text.
        error: String,
    },
}

/// Position in a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    /// Frame shown, from 0.
    pub(crate) index: usize,
    /// Frames in all.
    pub(crate) count: usize,
    /// Whether time runs.
    pub(crate) playing: bool,
}

/// What [`Screen::Whole`] shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// The screen it was opened on.
    pub(crate) screen: Screen,
    /// Its place in that screen's list.
    pub(crate) index: usize,
}

/// A bad version and the one that it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The earlier, good one.
    pub(crate) old: Hash,
    /// The accused one.
    pub(crate) new: Hash,
}

/// The row-level difference of a pair, and what each side holds.
#[derive(Clone, Debug)]
pub(crate) struct RowDifference {
    /// The rows.
    pub(crate) rows: Difference,
    /// The earlier version.
    pub(crate) old: Inspection,
    /// The later version.
    pub(crate) new: Inspection,
    /// Settings: all of a file without rows, else those beside the rows.
    pub(crate) settings: SettingsDifference,
    /// What differs in line ends and other bytes around the rows, each as a sentence.
    pub(crate) ends: Vec<String>,
    /// Whether secrets are hidden in one of the two: rows that look the same may then differ.
    pub(crate) masked: bool,
}

/// Where a comparison stands.
#[derive(Clone, Debug, Default)]
pub(crate) enum Comparison {
    /// None was asked for.
    #[default]
    None,
    /// On its way.
    Asked(Pair),
    /// Here.
    Here(Pair, Arc<RowDifference>),
    /// It could not be made; untrusted text.
    Failed(Pair, String),
}

/// The place of a panic whose backtrace is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PanicPlace {
    /// `file:line:column`. Untrusted text.
    pub(crate) site: String,
    /// Time of its earliest event.
    pub(crate) first_seen: Timestamp,
}

/// Where the search for a backtrace stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Backtrace {
    /// None was asked for.
    #[default]
    None,
    /// On its way.
    Asked(PanicPlace),
    /// Its frames, innermost first; untrusted text.
    Here(PanicPlace, Vec<String>),
    /// There is none, or it could not be read; untrusted text.
    Failed(PanicPlace, String),
}

/// The collector's status, and the time of the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// The last answer; untrusted text if it is an error. None before the first.
    pub(crate) status: Option<Result<Arc<Status>, String>>,
    /// When it was last asked for, on the screen's clock; none before the first time.
    pub(crate) asked_ms: Option<u64>,
}

/// A filter over rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// What was typed; a leading `!` inverts.
    pub(crate) text: String,
    /// Whether it is being typed.
    pub(crate) editing: bool,
}

impl Filter {
    /// Whether a row of that plain text stays.
    pub(crate) fn keeps(&self, row: &str) -> bool {
        let (inverse, wanted) = match self.text.strip_prefix('!') {
            Some(wanted) => (true, wanted),
            None => (false, self.text.as_str()),
        };
        wanted.is_empty() || row.to_lowercase().contains(&wanted.to_lowercase()) != inverse
    }
}

/// Everything that the screen knows.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// Where the data come from.
    pub(crate) origin: Origin,
    /// Whether they flow.
    pub(crate) link: Link,
    /// Whether other machines reach the collector without TLS and authentication.
    pub(crate) insecure: bool,
    /// What is shown.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    /// What came while paused.
    pub(crate) held: Option<Arc<Snapshot>>,
    /// When the newest snapshot came, on the screen's clock.
    pub(crate) received_ms: u64,
    /// The screen's clock.
    pub(crate) now_ms: u64,
    /// Whether the picture stands still on request.
    pub(crate) paused: bool,
    /// Position, in a replay.
    pub(crate) replay: Option<Replay>,
    /// How much of the replay's files is read, in percent, while they are still being read.
    pub(crate) reading: Option<u8>,
    /// Whether the newest frame is shown while they are read.
    pub(crate) follows: bool,
    /// The screen shown.
    pub(crate) screen: Screen,
    /// Where `esc` leads, last first.
    pub(crate) trail: Vec<Screen>,
    /// Row under the cursor, or first line shown, by screen.
    pub(crate) cursors: BTreeMap<Screen, usize>,
    /// The incident that a person chose; none: the most pressing one.
    pub(crate) chosen: Option<String>,
    /// What happened last on the demo's stage.
    pub(crate) story: Option<String>,
    /// What was opened whole.
    pub(crate) opened: Option<Opened>,
    /// The filter of the screen shown.
    pub(crate) filter: Filter,
    /// Filters of the other screens, which have them again when they are shown again.
    pub(crate) filters: BTreeMap<Screen, Filter>,
    /// Filters that were typed before, latest last.
    pub(crate) history: Vec<String>,
    /// Which of them is recalled, counted from the latest; none while it is typed anew.
    pub(crate) recalled: Option<usize>,
    /// The form of a word about an incident; none while it is closed.
    pub(crate) word_form: Option<WordForm>,
    /// The name under which words are said, unless the collector knows the caller by a credential. Untrusted text.
    pub(crate) author: String,
    /// The text after `:`; none while the palette is closed.
    pub(crate) palette: Option<String>,
    /// The section of the first screen that enter opens.
    pub(crate) section: Option<&'static str>,
    /// How fast the past is played: frames for each step are two to this power; below 0, steps for each frame.
    pub(crate) speed: i8,
    /// The order of rows by screen, a place in [`Screen::orders`].
    pub(crate) orders: BTreeMap<Screen, usize>,
    /// By what the rollout's hosts are grouped: a place in the list of versions and dimensions.
    pub(crate) grouping: usize,
    /// Which of the listed configs the rollout shows.
    pub(crate) rollout: usize,
    /// The comparison of rows.
    pub(crate) comparison: Comparison,
    /// The backtrace of a panic.
    pub(crate) backtrace: Backtrace,
    /// The history of the place of panics that was opened last.
    pub(crate) site_history: Option<SiteHistory>,
    /// Whether the screen shown is that of an earlier session, and no key was pressed since.
    pub(crate) restored: bool,
    /// How the collector fares.
    pub(crate) health: Health,
    /// A short remark in the last line, until the next key.
    pub(crate) remark: Option<String>,
    /// Columns and rows of the terminal.
    pub(crate) size: (u16, u16),
    /// What the terminal may be given.
    pub(crate) theme: Theme,
}

impl Model {
    /// A screen that has seen nothing yet.
    pub(crate) fn new(origin: Origin, theme: Theme) -> Self {
        Self {
            origin,
            link: Link::Connecting,
            insecure: false,
            snapshot: None,
            held: None,
            received_ms: 0,
            now_ms: 0,
            paused: false,
            replay: None,
            reading: None,
            follows: true,
            screen: Screen::Incident,
            trail: Vec::new(),
            cursors: BTreeMap::new(),
            chosen: None,
            story: None,
            opened: None,
            filter: Filter::default(),
            filters: BTreeMap::new(),
            history: Vec::new(),
            recalled: None,
            word_form: None,
            author: "unknown".to_owned(),
            palette: None,
            section: None,
            speed: 0,
            orders: BTreeMap::new(),
            grouping: 0,
            rollout: 0,
            comparison: Comparison::None,
            backtrace: Backtrace::None,
            site_history: None,
            restored: false,
            health: Health::default(),
            remark: None,
            size: (80, 24),
            theme,
        }
    }

    /// Whether the picture is of an earlier time than the newest data of a live collector.
    pub(crate) fn is_past(&self) -> bool {
        self.replay.is_some() && !matches!(self.origin, Origin::Replay(_))
    }

    /// The moment that the picture is of: times of other days are shown with their date.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.snapshot.as_ref().and_then(|snapshot| snapshot.at)
    }

    /// Incidents in the order of the contract. An older collector sends them in another order.
    pub(crate) fn incidents(&self) -> Vec<&Incident> {
        let mut incidents: Vec<&Incident> =
            self.snapshot.iter().flat_map(|snapshot| &snapshot.diagnosis.incidents).collect();
        incidents.sort_by(|one, other| by_urgency(one, other));
        incidents
    }

    /// The incident that the screens speak of.
    pub(crate) fn incident(&self) -> Option<&Incident> {
        let incidents = self.incidents();
        let chosen = self.chosen.as_ref().and_then(|id| incidents.iter().find(|incident| incident.id == *id));
        chosen.or_else(|| incidents.first()).copied()
    }

    /// Its place in the list, from 1, and the length of the list.
    pub(crate) fn incident_place(&self) -> Option<(usize, usize)> {
        let id = &self.incident()?.id;
        let incidents = self.incidents();
        let place = incidents.iter().position(|incident| incident.id == *id)?;
        Some((place + 1, incidents.len()))
    }

    /// The versions to compare: the newest accused one, and the one that it is held against.
    pub(crate) fn pair(&self) -> Option<Pair> {
        let incident = self.incident()?;
        let accused = incident.cause.as_ref().map(|cause| &cause.hashes);
        let suspected = incident.suspects.first().map(|suspect| &suspect.hashes);
        let new = *accused.filter(|hashes| !hashes.is_empty()).or(suspected)?.last()?;
        let against = incident.input.as_ref().and_then(|input| input.against);
        let old = against.or_else(|| incident.last_known_good.as_ref().map(|good| good.hash))?;
        Some(Pair { old, new })
    }

    /// Row under the cursor of the screen shown.
    pub(crate) fn cursor(&self) -> usize {
        self.cursors.get(&self.screen).copied().unwrap_or(0)
    }

    /// The order of the rows of the screen shown, a place in [`Screen::orders`].
    pub(crate) fn order(&self) -> usize {
        self.orders.get(&self.screen).copied().unwrap_or(0)
    }

    /// The place in the code that is shown whole.
    pub(crate) fn site_opened(&self) -> Option<&SiteView> {
        let opened = self.opened.filter(|opened| opened.screen == Screen::Panics && self.screen == Screen::Whole)?;
        self.snapshot.as_ref()?.sites.get(opened.index)
    }

    /// The place of a panic that is shown whole, where an event names it.
    pub(crate) fn panic_opened(&self) -> Option<PanicPlace> {
        let site = self.site_opened()?;
        Some(PanicPlace { site: site.site.clone()?, first_seen: site.first_seen? })
    }

    /// Age of the newest judged data in seconds: how far the collector's clock was past them, and how long ago it said
    /// so. Only differences on one clock are used, so a wrong clock on either machine does no harm. None in a replay.
    pub(crate) fn data_age_s(&self) -> Option<u64> {
        if self.replay.is_some() {
            return None;
        }
        let snapshot = self.held.as_ref().or(self.snapshot.as_ref())?;
        let behind_ns = snapshot.at?.since(snapshot.diagnosis.window.to?).max(0);
        Some(u64::try_from(behind_ns / 1_000_000_000).unwrap_or(0) + self.silence_s())
    }

    /// Seconds since the last snapshot came.
    pub(crate) fn silence_s(&self) -> u64 {
        self.now_ms.saturating_sub(self.received_ms) / 1000
    }
}

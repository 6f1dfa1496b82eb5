//! What one recorder says, decoded. Texts are what the file held: untrusted.

use crate::Hash;
use crate::load::LoadResult;

/// Number that a shell adds to the number of the signal that ended a program, to make the exit status.
const SIGNAL_STATUS_BASE: i32 = 128;

/// Whether the process said goodbye. [`RecorderImage::ending`] gives the kind of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Being set up.
    Starting,
    /// Running, or ended without a word.
    Running,
    /// Said goodbye, at this time (ns since the Unix epoch).
    Clean(u64),
}

/// The kind of end of a process that is gone, as far as its recorder shows. A recorder does not show whether its process is
/// gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Whether it ended on purpose: it said goodbye, exited with status 0, or was asked to end and did. Otherwise the end is a
    /// death.
    pub clean: bool,
    /// Signal that ended the process, or that asked it to end.
    pub signal: Option<u8>,
    /// Exit status, if the process declared one or the C library reported it.
    pub status: Option<i32>,
}

/// A whole recorder.
#[derive(Clone, Debug, PartialEq)]
pub struct RecorderImage {
    /// Identity of the process life.
    pub boot: u128,
    /// Process id in its own namespace.
    pub pid: u32,
    /// When its process began, in the kernel's ticks after boot; 0: not known.
    pub process_start: u64,
    /// Creation, ns since the Unix epoch.
    pub started_ns: u64,
    /// Whether it said goodbye.
    pub state: State,
    /// First fatal signal that it saw itself.
    pub signal: Option<u8>,
    /// First signal that asked it to end.
    pub asked: Option<u8>,
    /// Exit status, if it exited with one.
    pub exit_status: Option<i32>,
    /// Time of its goodbye, or of the exit or signal that it noted, nanoseconds since the Unix epoch.
    pub exited_ns: Option<u64>,
    /// Resource attributes.
    pub resource: Vec<(String, String)>,
    /// Requests, counted once each.
    pub totals: Outcomes,
    /// Configs, by place.
    pub configs: Vec<ConfigImage>,
    /// Versions, by place in the table.
    pub versions: Vec<VersionImage>,
    /// Panics, exactly.
    pub panics: u64,
    /// Sites, by place.
    pub sites: Vec<SiteImage>,
    /// Panics by site and version.
    pub panic_pairs: Vec<PanicPair>,
    /// Events that are still in the ring, by number.
    pub events: Vec<EventImage>,
    /// Number of the next event.
    pub event_head: u64,
    /// Panics with text that are still in the ring, by number.
    pub panic_texts: Vec<PanicImage>,
    /// Number of the next panic.
    pub panic_head: u64,
    /// What could not be kept, by reason.
    pub dropped: Vec<Dropped>,
    /// Calls of the previous panic hook that were held back.
    pub hook_held_back: u64,
    /// Build id of the binary, for symbolising frames.
    pub build_id: Vec<u8>,
    /// Difference between addresses in memory and in the binary.
    pub load_bias: u64,
    /// Ring cells that were being written, or are damaged.
    pub torn: u64,
    /// Entries that could not be believed.
    pub damaged: u64,
}

impl RecorderImage {
    /// Where a panic happened.
    #[must_use]
    pub fn site_of(&self, panic: &PanicImage) -> Option<&SiteImage> {
        self.sites.iter().find(|site| Some(site.place) == panic.site)
    }

    /// The resource attribute `key`.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.resource.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// The kind of end of its process, if that is gone.
    #[must_use]
    pub fn ending(&self) -> Ending {
        let said_goodbye = matches!(self.state, State::Clean(_));
        // Programs that end on request use the status with which a shell reports the end by that signal.
        let asked_status = self.asked.map(|signal| SIGNAL_STATUS_BASE + i32::from(signal));
        let clean = match (self.exit_status, self.asked) {
            (Some(status), _) => status == 0 || Some(status) == asked_status,
            (None, Some(_)) => said_goodbye || self.signal.is_none(),
            (None, None) => said_goodbye,
        };
        let signal = if clean { self.asked } else { self.signal };
        Ending { clean, signal, status: self.exit_status }
    }

    /// The last time of which the recorder itself knows that its process lived, ns since the Unix epoch.
    #[must_use]
    pub fn last_sign_ns(&self) -> u64 {
        if let Some(at_ns) = self.exited_ns {
            return at_ns;
        }
        let events = self.events.iter().map(|event| event.at_ns);
        let panics = self.panic_texts.iter().map(|panic| panic.at_ns);
        events.chain(panics).max().unwrap_or(0).max(self.started_ns)
    }

    /// What was being loaded when the copy was taken.
    #[must_use]
    pub fn loading(&self) -> Option<(&str, Hash)> {
        self.configs.iter().find_map(|config| Some((config.name.as_str(), config.loading?)))
    }

    /// What is active, `name=sha256:..`, in the order of the configs.
    #[must_use]
    pub fn active_names(&self) -> Vec<String> {
        self.active().filter_map(|(config, version)| Some(format!("{}={}", config.name, version.hash?))).collect()
    }

    /// The version with this unique number.
    #[must_use]
    pub fn version(&self, uid: u64) -> Option<&VersionImage> {
        self.versions.iter().find(|version| version.uid == uid)
    }

    /// The config at this place.
    #[must_use]
    pub fn config(&self, place: usize) -> Option<&ConfigImage> {
        self.configs.iter().find(|config| config.place == place)
    }

    /// Configs with the version that is active in each.
    pub fn active(&self) -> impl Iterator<Item = (&ConfigImage, &VersionImage)> {
        self.configs.iter().filter_map(|config| Some((config, self.version(config.active?)?)))
    }
}

/// Requests by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Served.
    pub ok: u64,
    /// Answered, but the client was turned away.
    pub denied: u64,
    /// Failed.
    pub error: u64,
    /// Ended in a panic.
    pub panic: u64,
}

impl Outcomes {
    /// The count of each outcome, with the outcome's word on the wire (contract.md section 2).
    #[must_use]
    pub const fn by_word(self) -> [OutcomeCount; 4] {
        [
            OutcomeCount { word: "ok", count: self.ok },
            OutcomeCount { word: "denied", count: self.denied },
            OutcomeCount { word: "error", count: self.error },
            OutcomeCount { word: "panic", count: self.panic },
        ]
    }
}

/// The number of requests that had one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeCount {
    /// The outcome's word on the wire.
    pub word: &'static str,
    /// The number of requests.
    pub count: u64,
}

/// What could not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Why.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
}

/// One config.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigImage {
    /// Place in the table.
    pub place: usize,
    /// Name.
    pub name: String,
    /// Unique number of the active version.
    pub active: Option<u64>,
    /// Hash being loaded.
    pub loading: Option<Hash>,
    /// Whether the last load was refused.
    pub last_load_refused: bool,
    /// Loads without a hash, because nothing could be read: kept last good, rejected.
    pub unreadable: (u64, u64),
    /// Declared limits.
    pub limits: Vec<(String, u64)>,
    /// Declared scores, one lane each, in order.
    pub scores: Vec<ScoreDeclaration>,
}

/// A declared score.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreDeclaration {
    /// Name.
    pub name: String,
    /// Least valid value.
    pub least: f64,
    /// Greatest valid value.
    pub greatest: f64,
    /// Value that means "not computed".
    pub sentinel: Option<f64>,
    /// Whether bucket i stands for the i-th hundredth of the range, and not for the value i.
    pub scaled: bool,
}

/// Facts of a version's content. A missing one was not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Bytes.
    pub size: Option<u64>,
    /// Rows.
    pub rows: Option<u64>,
    /// Rows that repeat an earlier row.
    pub duplicate_rows: Option<u64>,
    /// Blank fields.
    pub blank_fields: Option<u64>,
    /// Columns.
    pub columns: Option<u64>,
    /// Number given by the producer.
    pub generation: Option<i64>,
    /// Row-set hash.
    pub rowset: Option<Hash>,
}

/// Loads of one version with one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadCount {
    /// Result.
    pub result: LoadResult,
    /// Reason, if refused.
    pub reason: Option<&'static str>,
    /// How many.
    pub count: u64,
}

/// Counts of one lane of a version: outcomes (first lane only) and one score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Scores by bucket, 0 to 100.
    pub buckets: Vec<u64>,
    /// Scores above.
    pub above: u64,
    /// Scores below.
    pub below: u64,
    /// Scores that are not a number.
    pub nan: u64,
}

/// One version.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionImage {
    /// Unique number within the process life.
    pub uid: u64,
    /// Place of its config.
    pub config: usize,
    /// Hash; none for what found no entry of its own.
    pub hash: Option<Hash>,
    /// Facts of its content.
    pub facts: Facts,
    /// Human name.
    pub label: Option<String>,
    /// Producer.
    pub source: Option<String>,
    /// Format of its content.
    pub format: Option<crate::content::Format>,
    /// First time it became active, ns since the Unix epoch.
    pub first_applied_ns: Option<u64>,
    /// Last time it became active.
    pub last_applied_ns: Option<u64>,
    /// Time of the first failed request (error or panic) under it, nanoseconds since the Unix epoch.
    pub first_failed_ns: Option<u64>,
    /// Loads, those that happened.
    pub loads: Vec<LoadCount>,
    /// Observed values of the config's limits, by the limit's place.
    pub observed: Vec<Option<u64>>,
    /// Requests that used it.
    pub outcomes: Outcomes,
    /// Scores given under it, by the score's place.
    pub scores: Vec<Counts>,
}

/// One panic site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteImage {
    /// Place in the table.
    pub place: usize,
    /// File.
    pub file: String,
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// Panics, exactly.
    pub count: u64,
    /// Stack addresses of the first panic.
    pub frames: Vec<u64>,
}

/// Panics at one site under one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanicPair {
    /// Place of the site.
    pub site: usize,
    /// Version.
    pub uid: u64,
    /// How many.
    pub count: u64,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The process started.
    Start,
    /// The process ended on purpose.
    Exit,
    /// A load.
    Load(Box<LoadImage>),
    /// An earlier process of the same service died, and this one found what it left.
    Death(Box<DeathImage>),
    /// The last process of the service on this host, which has ended, ran another version of the binary.
    NewBinary {
        /// Its `service.version`.
        before: String,
    },
}

/// The death of an earlier process, as the next one tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeathImage {
    /// Identity of the life that ended.
    pub boot: u128,
    /// Number that its own next event would have had: with [`Self::boot`] the identity of this death, whoever tells it.
    pub event_head: u64,
    /// Last sign of its life, ns since the Unix epoch.
    pub last_sign_ns: u64,
    /// Process id in its own namespace.
    pub pid: u32,
    /// Panics that it counted.
    pub panics: u64,
    /// Fatal signal that it saw itself.
    pub signal: Option<u8>,
    /// Exit status, if it exited with one.
    pub status: Option<i32>,
    /// `service.instance.id`.
    pub instance: String,
    /// Config and hash that were being loaded.
    pub loading: Option<(String, Hash)>,
    /// What was active, `name=sha256:..`.
    pub active: Vec<String>,
}

/// A load; without a result, it is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadImage {
    /// Place of the config.
    pub config: usize,
    /// Version offered; none where nothing could be read.
    pub hash: Option<Hash>,
    /// What became of it.
    pub result: Option<LoadResult>,
    /// Reason of a refusal.
    pub reason: Option<String>,
    /// The real error.
    pub error: Option<String>,
    /// Version active before.
    pub previous: Option<Hash>,
    /// Facts of the content.
    pub facts: Facts,
    /// Human name.
    pub label: Option<String>,
    /// Producer.
    pub source: Option<String>,
    /// What all hosts' renderings of one logical version share.
    pub revision: Option<String>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventImage {
    /// Number within the process life.
    pub number: u64,
    /// When, ns since the Unix epoch.
    pub at_ns: u64,
    /// What.
    pub kind: EventKind,
}

/// One panic with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicImage {
    /// Number within the process life.
    pub number: u64,
    /// When, ns since the Unix epoch.
    pub at_ns: u64,
    /// Message, its head.
    pub message: String,
    /// Bytes of the whole message.
    pub message_bytes: u64,
    /// Thread.
    pub thread: Option<String>,
    /// File.
    pub file: String,
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// Place of the site, if the table had room.
    pub site: Option<usize>,
    /// Unique numbers of the versions that were active.
    pub active: Vec<u64>,
}

//! Starts the recorder and the panic hook of this process, once. Where the file goes is decided in `directory`.

use crate::cells::{set, set_bytes};
use crate::directory::{self, Settings};
use crate::mask::{Finder, Rules};
use crate::predecessor::{self, Death};
use crate::{events, hook, mask, raw, recorder, resource};
use firstbad_protocol::names::attribute;
use firstbad_protocol::recorder::layout::{self, header, state};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, OnceLock, PoisonError};

/// What becomes of the panic hook that was installed before.
///
/// ```
/// use firstbad_instrument::PreviousHook;
///
/// // An expensive hook of another library, such as a reporter that waits for a network, is not called in a storm of panics.
/// let init = firstbad_instrument::init().service("my-proxy").previous_hook(PreviousHook::Never);
/// # let _ = init;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PreviousHook {
    /// It runs for the first panic of each site and then at most once a second for each; one thread at a time, since it
    /// may print, resolve symbols or wait for a network; and not while stderr is a pipe that nobody empties. What was held
    /// back is counted.
    #[default]
    Limited,
    /// It runs for every panic.
    Always,
    /// It never runs.
    Never,
}

/// Which contents of versions are kept beside the recorder, for the difference view. What is kept is also shipped by agents.
///
/// Hashes, counts of rows and limits are recorded in any case. So are labels, errors and messages of panics: with `Off` and
/// `Masked` without their secrets.
///
/// ```
/// use firstbad_instrument::Content;
///
/// // A file that is a secret as a whole is not kept at all.
/// let init = firstbad_instrument::init().service("my-proxy").content(Content::Off);
/// # let _ = init;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// None. Differences then know rows by their numbers alone.
    Off,
    /// With secrets hidden as `***`: values of names such as `password` and `api_key`, credentials in URLs, bearer tokens, PEM
    /// bodies, tokens with a known beginning, and what [`Init::mask`], [`Init::mask_prefix`] and [`Init::mask_with`] add.
    /// Lines stay lines. What is no text is not kept.
    #[default]
    Masked,
    /// As they are, without any mask of the crate's own; only what [`Init::mask`], [`Init::mask_prefix`] and
    /// [`Init::mask_with`] declare is hidden. The same holds for labels, errors and messages of panics.
    Full,
}

/// Settings of the recorder; see [`init`].
///
/// ```
/// use firstbad_instrument::Init;
///
/// /// What all programs of one company have in common.
/// fn of_company(init: Init) -> Init {
///     init.dimension("cloud.region", "eu-1").mask("acme_key").mask_prefix("acme_live_")
/// }
///
/// let recorder = of_company(firstbad_instrument::init().service("my-proxy").version("1.0")).in_memory().install()?;
/// # drop(recorder);
/// # Ok::<(), firstbad_instrument::InitError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Init {
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) content: Option<Content>,
    pub(crate) previous_hook: PreviousHook,
    pub(crate) memory_bytes_max: Option<usize>,
    pub(crate) no_signals: bool,
    pub(crate) in_memory: bool,
    pub(crate) masks: Rules,
}

/// Begins the set-up. `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and `FIRSTBAD_RECORDER_DIR` fill in what the code
/// does not say.
///
/// ```
/// let recorder = firstbad_instrument::init().service("my-proxy").version("1.0").in_memory().install()?;
/// assert!(recorder.path().is_none());
/// # Ok::<(), firstbad_instrument::InitError>(())
/// ```
#[must_use]
pub fn init() -> Init {
    Init::default()
}

impl Init {
    /// `service.name`.
    #[must_use]
    pub fn service(self, name: impl Into<String>) -> Self {
        self.dimension("service.name", name)
    }

    /// `service.version`: the version of the binary.
    #[must_use]
    pub fn version(self, version: impl Into<String>) -> Self {
        self.dimension("service.version", version)
    }

    /// `host.name`; without it, the machine's.
    #[must_use]
    pub fn host(self, name: impl Into<String>) -> Self {
        self.dimension("host.name", name)
    }

    /// `service.instance.id`; without it, a random one for this process life.
    #[must_use]
    pub fn instance(self, id: impl Into<String>) -> Self {
        self.dimension("service.instance.id", id)
    }

    /// Any other resource attribute, such as `cloud.region`. The last value of a key counts.
    #[must_use]
    pub fn dimension(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let key = key.into();
        self.attributes.retain(|(known, _)| *known != key);
        self.attributes.push((key, value.into()));
        self
    }

    /// Directory of the recorder file; goes before `FIRSTBAD_RECORDER_DIR` and the search list.
    #[must_use]
    pub fn recorder_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Which contents of versions are kept (default: [`Content::Masked`], or what `FIRSTBAD_CAPTURE_CONTENT` says: `off`,
    /// `masked`, `full`).
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.content = Some(content);
        self
    }

    /// [`Content::Masked`] or [`Content::Off`]; see [`Self::content`].
    #[must_use]
    pub fn capture_content(self, on: bool) -> Self {
        self.content(if on { Content::Masked } else { Content::Off })
    }

    /// Hides the values of every name that contains `part`, without case, `_`, `-` and `.` (`api_key` fits `X-Api-Key`), in
    /// contents, labels, errors and messages of panics: of one line or several, in TOML, YAML, JSON, INI, environment files,
    /// URLs, headers and XML, in columns of CSV and TSV, and whole sections, lists and blocks under such a name. A part
    /// without letters and digits is ignored.
    #[must_use]
    pub fn mask(mut self, part: impl AsRef<str>) -> Self {
        self.masks.add_name(part.as_ref());
        self
    }

    /// Hides every word that begins with `prefix`, as tokens of one's own do: `acme_live_`. An empty prefix is ignored.
    #[must_use]
    pub fn mask_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.masks.prefixes.extend(Some(prefix.into().into_bytes()).filter(|prefix| !prefix.is_empty()));
        self
    }

    /// Hides what `find` finds: byte ranges of a text, for example those of a regular expression.
    ///
    /// It is called with contents, labels and errors, not with messages of panics, since the panic hook must not allocate; what
    /// it found in a content is hidden there as well. A content that is not UTF-8 is not kept, nor is one with which it panics.
    ///
    /// ```no_run
    /// let number = regex::Regex::new(r"\bKD-[0-9]{8}\b").unwrap();
    /// let recorder = firstbad_instrument::init()
    ///     .service("my-proxy")
    ///     .mask_with(move |text| number.find_iter(text).map(|found| found.range()).collect())
    ///     .install()
    ///     .unwrap();
    /// ```
    #[must_use]
    pub fn mask_with(mut self, find: impl Fn(&str) -> Vec<Range<usize>> + Send + Sync + 'static) -> Self {
        self.masks.finder = Some(Finder(Arc::new(find)));
        self
    }

    /// What becomes of the panic hook that was installed before.
    #[must_use]
    pub fn previous_hook(mut self, policy: PreviousHook) -> Self {
        self.previous_hook = policy;
        self
    }

    /// Greatest size of the recorder, bytes (default 8 MiB).
    #[must_use]
    pub fn memory_bytes_max(mut self, bytes: usize) -> Self {
        self.memory_bytes_max = Some(bytes);
        self
    }

    /// Whether the recorder notes the signal that ends the process (default: yes). It handles SIGSEGV, SIGBUS, SIGILL, SIGFPE,
    /// SIGABRT and SIGSYS, and SIGTERM, SIGINT and SIGHUP, which ask a process to end. The handler stores the signal's number and
    /// restores the previous action, so the process ends as it would without the recorder. An end on request is not a death.
    #[must_use]
    pub fn note_signals(mut self, on: bool) -> Self {
        self.no_signals = !on;
        self
    }

    /// Records in memory only: no file, no directory, nothing that an agent or a later process could find. The features `export`,
    /// `metrics` and `otel` work as usual. This is no fallback, so nothing is said on stderr.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.in_memory = true;
        self
    }

    /// For the tests of a proxy: [`Self::in_memory`], without signal handlers, and the panic hook of the test harness runs for
    /// every panic. The tests of one binary share one process, so each of them calls [`Self::try_install`]:
    ///
    /// ```
    /// use firstbad_instrument::Recorder;
    ///
    /// fn recorder() -> &'static Recorder {
    ///     firstbad_instrument::init().service("my-proxy").for_tests().try_install().unwrap()
    /// }
    ///
    /// assert!(recorder().path().is_none());
    /// assert!(std::ptr::eq(recorder(), recorder()));
    /// ```
    #[must_use]
    pub fn for_tests(self) -> Self {
        self.in_memory().note_signals(false).previous_hook(PreviousHook::Always)
    }

    /// As [`Self::install`], but keeps the recorder until the process ends, and returns the kept one at each further call, whatever
    /// that call's settings are. A kept recorder is never dropped, so it says no goodbye.
    ///
    /// # Errors
    /// When [`Self::install`] was called before in this process, or the attributes are too long.
    pub fn try_install(self) -> Result<&'static Recorder, InitError> {
        static KEPT: OnceLock<Recorder> = OnceLock::new();
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        match KEPT.get() {
            Some(kept) => Ok(kept),
            None => self.install().map(|recorder| KEPT.get_or_init(|| recorder)),
        }
    }

    /// Opens the recorder and installs the panic hook. A recorder file that cannot be made is no error: recording goes on
    /// in memory, [`Recorder::fallback`] says why, and so does one line on stderr.
    ///
    /// # Errors
    /// When it was called before in this process, or the attributes are too long.
    pub fn install(self) -> Result<Recorder, InitError> {
        if INSTALLED.swap(true, Relaxed) {
            return Err(InitError::AlreadyInstalled);
        }
        let attributes = resource::complete(&self.attributes, |name| std::env::var(name).ok());
        let bytes: String = attributes.iter().map(|(key, value)| format!("{key}\0{value}\0")).collect();
        let bytes_max = header::RESOURCE_BYTES_MAX;
        if bytes.len() > bytes_max {
            INSTALLED.store(false, Relaxed);
            return Err(InitError::AttributesTooLong { bytes: bytes.len(), bytes_max });
        }
        let memory = self.memory_bytes_max.unwrap_or(layout::WORDS_MAX * 8);
        let words = recorder::words_or_reserve(memory).map_err(|errno| InitError::NoMemory { bytes: memory, errno })?;
        let content = self.content.unwrap_or_else(content_by_environment);
        let service = attributes.iter().find(|(key, _)| key == attribute::SERVICE_NAME);
        let settings = Settings {
            directory: self.directory,
            service: service.map_or_else(String::new, |(_, name)| name.clone()),
            content,
        };
        mask::declare(Rules { builtin: content != Content::Full, ..self.masks });
        let opened = {
            let mut cold = recorder::lock();
            set_bytes(words, header::RESOURCE, bytes.as_bytes(), bytes_max);
            set(words, header::STATE, state::RUNNING);
            events::write_start(words);
            (!self.in_memory).then(|| directory::open(words, &mut cold, &settings))
        };
        hook::install(self.previous_hook);
        if !self.no_signals {
            raw::note_signals();
        }
        raw::note_exit_status();
        let service = directory::file_stem(&settings.service);
        let (deaths, fallback) = match opened {
            None => (Vec::new(), None),
            Some(Ok(path)) => {
                predecessor::tell_of_new_binary(words, &path, &attributes);
                (predecessor::tell(words, &path, &service), None)
            }
            Some(Err(why)) => {
                (Vec::new(), Some(format!("recording in memory only, nothing survives this process: {why}")))
            }
        };
        if let Some(why) = &fallback {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "firstbad: {why}");
        }
        Ok(Recorder { path: recorder::path(), fallback, deaths })
    }
}

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// What `FIRSTBAD_CAPTURE_CONTENT` says; a word that is not known leaves the masks on.
fn content_by_environment() -> Content {
    match std::env::var("FIRSTBAD_CAPTURE_CONTENT").as_deref() {
        Ok("off" | "0" | "false") => Content::Off,
        Ok("full") => Content::Full,
        _ => Content::Masked,
    }
}

/// The recorder of this process. Dropping it says goodbye, so keep it in `main`. A goodbye is a clean exit, unless the process
/// then exits with a status other than 0, as a `main` that returns an error does.
///
/// ```
/// use firstbad_instrument::Recorder;
///
/// let recorder: Recorder = firstbad_instrument::init().service("my-proxy").in_memory().install()?;
/// for death in recorder.deaths() {
///     eprintln!("the last time: {death}");
/// }
/// // .. serve until asked to end ..
/// drop(recorder); // the goodbye
/// # Ok::<(), firstbad_instrument::InitError>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping the guard marks the process as ended"]
pub struct Recorder {
    path: Option<PathBuf>,
    fallback: Option<String>,
    deaths: Vec<Death>,
}

impl Recorder {
    /// Earlier processes of this service that died without a word, oldest first: those that no agent is there to tell of,
    /// each told to one process only.
    #[must_use]
    pub fn deaths(&self) -> &[Death] {
        &self.deaths
    }

    /// The recorder file; none while recording in memory only.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Says goodbye and declares the status with which the process is about to exit. A status other than 0 counts as a death.
    /// With glibc, the recorder learns the status of a `main` that returns and of `exit` by itself. This function is for other C
    /// libraries and for `_exit`.
    pub fn ends_with(self, status: i32) {
        recorder::note_exit_status(status);
    }

    /// Why there is no file, if there is none although one was wanted.
    #[must_use]
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // A panic that unwinds through `main` is no goodbye.
        if !std::thread::panicking() {
            recorder::mark_clean();
        }
    }
}

/// Why the recorder was not started.
///
/// ```
/// use firstbad_instrument::InitError;
///
/// let _recorder = firstbad_instrument::init().service("my-proxy").in_memory().install()?;
/// let again = firstbad_instrument::init().service("my-proxy").install();
/// assert!(matches!(again, Err(InitError::AlreadyInstalled)));
/// # Ok::<(), InitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitError {
    /// `install` was called before in this process.
    AlreadyInstalled,
    /// The resource attributes together are too long for the recorder's header.
    AttributesTooLong {
        /// Bytes given.
        bytes: usize,
        /// Bytes that fit.
        bytes_max: usize,
    },
    /// The operating system refused even anonymous memory.
    NoMemory {
        /// Bytes asked for.
        bytes: usize,
        /// `errno`.
        errno: i32,
    },
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyInstalled => f.write_str("the recorder runs already: call install() once, in main"),
            Self::AttributesTooLong { bytes, bytes_max } => {
                write!(
                    f,
                    "resource attributes of {bytes} bytes do not fit in {bytes_max}: declare fewer or shorter ones"
                )
            }
            Self::NoMemory { bytes, errno } => {
                write!(f, "no address space for a recorder of {bytes} bytes (errno {errno}): lower memory_bytes_max()")
            }
        }
    }
}

impl std::error::Error for InitError {}

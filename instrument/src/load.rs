//! One attempt to make a version active: hash, facts, limits, breadcrumb, result. A load never panics and never takes
//! away what serves; which facts matter is decided elsewhere.

use crate::config::Config;
use crate::content_store;
use crate::findings::{self, Finding};
use crate::load_outcome::{Evidence, LoadOutcome, Refusal};
use crate::table::{self, Offer};
use crate::tag::Tag;
use firstbad_protocol::Hash;
use firstbad_protocol::content::{Format, Inspection, RowReader, inspect_ignoring, inspect_with};
use firstbad_protocol::load::LoadResult;
use std::borrow::Cow;
use std::fmt;
use std::panic::AssertUnwindSafe;

/// Where a version came from, and what only the proxy knows about it.
///
/// ```
/// use firstbad_instrument::{Format, Live, Origin};
///
/// static FEATURES: Live<usize> = Live::new("bot-features");
///
/// let origin = Origin::new().name("features.csv").source("generator").generation(7).format(Format::Csv);
/// let loaded = FEATURES.load_bytes(b"id,weight\n1,2\n", &origin, |bytes| Ok::<_, String>(bytes.len()));
/// assert!(loaded.applied().is_ok());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) source: String,
    pub(crate) revision: String,
    pub(crate) generation: Option<i64>,
    pub(crate) format: Option<Format>,
    pub(crate) rows: Option<&'static dyn RowReader>,
    pub(crate) counters: Vec<(String, u64)>,
    pub(crate) others: Vec<Source>,
}

/// A further input that a version was made of; see [`Origin::also`].
#[derive(Clone, Debug)]
pub(crate) struct Source {
    name: String,
    bytes: Vec<u8>,
}

impl Origin {
    /// Nothing known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// File name or path: its extension promises the format. Without one, the content decides.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    pub(crate) fn name_if_missing(mut self, path: &std::path::Path) -> Self {
        if self.name.is_empty() {
            self.name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        }
        self
    }

    /// Human name of the version.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Producer of the version.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// What all hosts' renderings of one logical version share: the commit of a template, or the run of a generator (at most
    /// 80 bytes). The hash differs where a template puts a host name or port into the file; versions of one revision are then
    /// diagnosed as one, once six hosts have a hash each. See also [`Config::ignore_lines`].
    ///
    /// ```
    /// use firstbad_instrument::{Live, Origin};
    ///
    /// static LISTEN: Live<String> = Live::new("listen").ignore_lines(&["port =", "host ="]);
    /// let origin = Origin::new().name("listen.toml").revision("9f2c1e7");
    /// let parse = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
    /// LISTEN.load_bytes(b"host = \"a1\"\nport = 8080\nworkers = 4\n", &origin, parse).applied().unwrap();
    /// ```
    #[must_use]
    pub fn revision(mut self, revision: impl Into<String>) -> Self {
        self.revision = revision.into();
        self
    }

    /// Number that the producer lets grow with every version.
    #[must_use]
    pub fn generation(mut self, generation: i64) -> Self {
        self.generation = Some(generation);
        self
    }

    /// How the bytes are cut into rows. It is used whatever the name and the content say: [`Format::CsvRows`] for a list
    /// without a header, [`Format::CsvHeader`] for one with a header that looks like data.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// How a format of the proxy's own is cut into rows.
    #[must_use]
    pub fn rows(mut self, reader: &'static dyn RowReader) -> Self {
        self.rows = Some(reader);
        self
    }

    /// A count that only the proxy can make (`states` of an automaton), compared with the declared limit of that name.
    #[must_use]
    pub fn counter(mut self, name: impl Into<String>, value: u64) -> Self {
        self.counters.push((name.into(), value));
        self
    }

    /// A further input of the same version: an overlay of the environment, an included file, variables of the environment as sorted
    /// lines `NAME=value`. Hash, size and kept content are then those of one document that holds all inputs, each further one
    /// after a line with its name and its length, so a change in any of them is another version. Rows are those of the first
    /// input. Where contents are masked, such a document is not kept at all.
    ///
    /// ```
    /// use firstbad_instrument::{Live, Origin};
    ///
    /// static SETTINGS: Live<Vec<String>> = Live::new("settings");
    ///
    /// let (base, local) = (b"port = 80\n", b"port = 8080\n");
    /// let merge = |base: &[u8]| {
    ///     [base, local].map(|text| std::str::from_utf8(text).map(str::to_owned)).into_iter().collect::<Result<Vec<_>, _>>()
    /// };
    /// let origin = Origin::new().name("base.toml").also("local.toml", local);
    /// let evidence = SETTINGS.load_bytes(base, &origin, merge).applied()?;
    /// assert_ne!(evidence.hash, firstbad_instrument::Hash::of(base));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn also(mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.others.push(Source { name: name.into(), bytes: bytes.into() });
        self
    }

    /// All inputs of a version whose first is `bytes`. The lengths keep two versions apart that cut the same text otherwise.
    fn document<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut document = Cow::Borrowed(bytes);
        for Source { name, bytes } in &self.others {
            let document = document.to_mut();
            document.extend_from_slice(format!("\n# {}: {} bytes\n", name.escape_debug(), bytes.len()).as_bytes());
            document.extend_from_slice(bytes);
        }
        document
    }
}

/// A load by the proxy's own loader, between "loading" and its result. Dropped without a result in a panic, it records the
/// refusal `parser_panic`; dropped otherwise, `abandoned`.
///
/// ```
/// use firstbad_instrument::{Config, Origin, Outcome};
///
/// static RULES: Config = Config::new("waf-rules").limit("rows", 200);
///
/// let bytes = b"80\n443\n";
/// // From here on, a death of the process is the death of this version.
/// let attempt = RULES.loading(bytes, &Origin::new().name("ports.txt"));
/// let parsed: Result<Vec<u16>, _> = std::str::from_utf8(bytes)?.lines().map(str::parse).collect();
/// let tag = match parsed {
///     Ok(_ports) => attempt.applied(), // put the ports where requests find them, with the tag
///     Err(error) => attempt.refused("parse", &error.to_string()),
/// };
/// tag.record(Outcome::Ok);
/// # Ok::<(), std::str::Utf8Error>(())
/// ```
#[derive(Debug)]
#[must_use = "finish with applied() or refused()"]
pub struct Attempt<'a> {
    config: &'a Config,
    offer: Offer,
    content: Option<Inspection>,
    findings: Vec<Finding>,
    finished: bool,
}

impl<'a> Attempt<'a> {
    pub(crate) fn of_bytes(config: &'a Config, bytes: &[u8], origin: &Origin) -> Self {
        let document = origin.document(bytes);
        let hash = Hash::of(&document);
        let (mut content, problem) = inspected(bytes, origin, config.ignored);
        if let Some(content) = content.as_mut().filter(|_| !origin.others.is_empty()) {
            content.size = document.len() as u64;
            // The same rows in the first input do not make it the same version.
            content.rowset = None;
        }
        // Before anything is written or parsed: what the masks hide in the content is hidden in errors and panics as well.
        content_store::keep(hash, &document, !origin.others.is_empty());
        let mut attempt = Self::begin(config, Some(hash), origin, content);
        attempt.findings.extend(problem);
        attempt
    }

    pub(crate) fn of_hash(config: &'a Config, hash: Hash, origin: &Origin) -> Self {
        Self::begin(config, Some(hash), origin, None)
    }

    pub(crate) fn of_nothing(config: &'a Config) -> Self {
        Self::begin(config, None, &Origin::new(), None)
    }

    fn begin(config: &'a Config, hash: Option<Hash>, origin: &Origin, content: Option<Inspection>) -> Self {
        let (observed, mut findings) = findings::of(config, origin, content.as_ref());
        findings.extend(content.iter().flat_map(|content| findings::growth(table::active_size(config), content)));
        let offer = Offer {
            hash,
            facts: findings::facts(origin, content.as_ref()),
            observed,
            label: origin.label.clone(),
            source: origin.source.clone(),
            revision: origin.revision.clone(),
            format: content.as_ref().map_or(0, |content| {
                Format::ALL.iter().position(|format| *format == content.format).map_or(0, |place| place as u64 + 1)
            }),
        };
        table::begin(config, &offer);
        if table::place_of(config).is_none() {
            findings.push(Finding { sentence: table::not_recorded(config.name()), exceeds: false });
        }
        Self { config, offer, content, findings, finished: false }
    }

    pub(crate) const fn config(&self) -> &'a Config {
        self.config
    }

    /// Hash of what is being loaded.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.offer.hash.unwrap_or(Hash([0; 32]))
    }

    /// What was counted in it.
    #[must_use]
    pub const fn content(&self) -> Option<&Inspection> {
        self.content.as_ref()
    }

    /// Sentences on limits that are exceeded or above 80 %, duplicates, blanks.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        self.findings.iter().map(|finding| finding.sentence.clone()).collect()
    }

    /// Whether a declared limit is exceeded.
    #[must_use]
    pub fn exceeds_a_limit(&self) -> bool {
        self.findings.iter().any(|finding| finding.exceeds)
    }

    /// The version is active now, or is still, if it is the one that was active. Gives its tag.
    pub fn applied(self) -> Tag {
        self.finish(Ok(()), |_| {}).tag()
    }

    /// The version was refused. Gives the tag of the version that goes on serving, [`Tag::NONE`] if none does.
    pub fn refused(self, reason: &str, error: &str) -> Tag {
        self.finish(Err((reason, error)), |_| {}).tag()
    }

    /// The attempt, unless the config refuses what exceeds its limits.
    pub(crate) fn within_limits(self) -> Result<Self, Box<LoadOutcome>> {
        let exceeded = self.findings.iter().find(|finding| finding.exceeds).map(|finding| finding.sentence.clone());
        match exceeded {
            Some(sentence) if self.config.reject_over => Err(Box::new(self.finish(Err(("limit", &sentence)), |_| {}))),
            _ => Ok(self),
        }
    }

    /// Runs `parse`; a panic in it is an error.
    pub(crate) fn guard<T, E: fmt::Display>(parse: impl FnOnce() -> Result<T, E>) -> Result<T, (&'static str, String)> {
        match std::panic::catch_unwind(AssertUnwindSafe(parse)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(("parse", error.to_string())),
            Err(payload) => {
                let text = payload.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
                Err(("parser_panic", text.unwrap_or("the parser panicked").to_owned()))
            }
        }
    }

    /// Writes the result down. `publish` gets the tag of a version that was not active before.
    pub(crate) fn finish(mut self, result: Result<(), (&str, &str)>, publish: impl FnOnce(Tag)) -> LoadOutcome {
        self.finished = true;
        let loaded = table::finish(self.config, &self.offer, result.err());
        let (word, tag, previous) = loaded.map_or_else(
            || (if result.is_ok() { LoadResult::Applied } else { LoadResult::Rejected }, Tag::NONE, None),
            |loaded| (loaded.result, Tag(loaded.key), loaded.previous),
        );
        if result.is_ok() {
            publish(tag);
        }
        let (content, findings) = (self.content.take(), self.findings());
        match (word, result) {
            (_, Err((reason, error))) => {
                let (reason, error) = (reason.to_owned(), error.to_owned());
                let refusal = Refusal { hash: self.offer.hash, reason, error, content, serving: tag, findings };
                match word {
                    LoadResult::KeptLastGood => LoadOutcome::KeptLastGood(refusal),
                    _ => LoadOutcome::Rejected(refusal),
                }
            }
            (LoadResult::Unchanged, Ok(())) => {
                LoadOutcome::Unchanged(Evidence { tag, hash: self.hash(), content, previous, findings })
            }
            (_, Ok(())) => LoadOutcome::Applied(Evidence { tag, hash: self.hash(), content, previous, findings }),
        }
    }
}

/// Counts what is in `bytes`. A reader of the proxy's own may panic; a load does not.
fn inspected(bytes: &[u8], origin: &Origin, ignored: &[&str]) -> (Option<Inspection>, Option<Finding>) {
    let Some(reader) = origin.rows else {
        let format = origin.format.unwrap_or_else(|| Format::of(&origin.name, bytes));
        return (Some(inspect_ignoring(bytes, format, ignored)), None);
    };
    match std::panic::catch_unwind(AssertUnwindSafe(|| inspect_with(bytes, reader))) {
        Ok(content) => (Some(content), None),
        Err(_) => {
            let sentence = "the row reader panicked: nothing was counted in this version".to_owned();
            (None, Some(Finding { sentence, exceeds: false }))
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let (reason, error) = if std::thread::panicking() {
                ("parser_panic", "the loader panicked")
            } else {
                ("abandoned", "the loader gave up without a result")
            };
            table::finish(self.config, &self.offer, Some((reason, error)));
        }
    }
}

/// Records a load that the proxy's own loader has finished: `Err((reason, error))` if it refused the version. Gives the tag
/// of the version that serves now. [`Config::loading`] before the parse tells more: it names a version that kills.
///
/// ```
/// use firstbad_instrument::{Config, Hash, Origin, record_load};
///
/// static RULES: Config = Config::new("waf-rules");
///
/// let first = record_load(&RULES, b"a\n", &Origin::new(), Ok(()));
/// let refused = record_load(&RULES, b"<html>", &Origin::new(), Err(("parse", "no rule at line 1")));
/// assert_eq!(refused, first, "the first version goes on serving");
/// assert_eq!(refused.hash(), Some(Hash::of(b"a\n")));
/// ```
pub fn record_load(config: &Config, bytes: &[u8], origin: &Origin, result: Result<(), (&str, &str)>) -> Tag {
    let attempt = config.loading(bytes, origin);
    match result {
        Ok(()) => attempt.applied(),
        Err((reason, error)) => attempt.refused(reason, error),
    }
}

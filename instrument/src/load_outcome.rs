//! The result of one load that the proxy gets back. `load` makes it.

use crate::tag::Tag;
use firstbad_protocol::Hash;
use firstbad_protocol::content::Inspection;
use firstbad_protocol::load::LoadResult;
use std::fmt;

/// What a load that was accepted tells.
///
/// ```
/// use firstbad_instrument::{Live, Origin};
///
/// static RULES: Live<usize> = Live::new("waf-rules").limit("rows", 2);
///
/// let parse = |bytes: &[u8]| Ok::<_, String>(bytes.len());
/// let evidence = RULES.load_bytes(b"a\nb\nb\n", &Origin::new().name("rules.txt"), parse).applied()?;
/// assert_eq!(evidence.content.and_then(|content| content.rows), Some(3));
/// assert!(evidence.findings.iter().any(|finding| finding.contains("rows = 3 exceeds")));
/// # Ok::<(), firstbad_instrument::Refused>(())
/// ```
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Tag of the version that serves now; [`Tag::NONE`] if the config cannot be recorded, which [`Self::findings`] then says.
    pub tag: Tag,
    /// Its hash.
    pub hash: Hash,
    /// What was counted in it; none where only the hash was given.
    pub content: Option<Inspection>,
    /// The version that served before.
    pub previous: Option<Hash>,
    /// Sentences on limits that are exceeded or above 80 %, duplicates, blanks, and on a config that cannot be recorded.
    pub findings: Vec<String>,
}

/// What a load that was refused tells.
///
/// ```
/// use firstbad_instrument::{Live, Origin};
///
/// static RULES: Live<u16> = Live::new("waf-rules");
///
/// let parse = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().parse::<u16>();
/// let loaded = RULES.load_bytes(b"http\n", &Origin::new(), parse);
/// let refusal = loaded.refusal().unwrap();
/// assert_eq!((refusal.reason.as_str(), refusal.error.as_str()), ("parse", "invalid digit found in string"));
/// assert!(refusal.serving.is_none(), "nothing was loaded before");
/// ```
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Hash of the offered bytes; `None` if they could not be read.
    pub hash: Option<Hash>,
    /// `parse`, `parser_panic`, `limit`, `io`, or a word of the proxy's own.
    pub reason: String,
    /// The real error.
    pub error: String,
    /// What was counted in it.
    pub content: Option<Inspection>,
    /// The version that goes on serving; [`Tag::NONE`] if none does.
    pub serving: Tag,
    /// Sentences on limits that are exceeded or above 80 %, duplicates, blanks.
    pub findings: Vec<String>,
}

/// The result of one load.
///
/// ```
/// use firstbad_instrument::{Live, LoadOutcome, Origin};
///
/// static RULES: Live<usize> = Live::new("waf-rules");
///
/// let parse = |bytes: &[u8]| Ok::<_, String>(bytes.len());
/// match RULES.load_bytes(b"a\n", &Origin::new(), parse) {
///     LoadOutcome::Applied(evidence) => println!("serving {}", evidence.hash),
///     LoadOutcome::Unchanged(_) => {}
///     LoadOutcome::KeptLastGood(refusal) | LoadOutcome::Rejected(refusal) => eprintln!("{refusal}"),
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a refused load is only told here"]
pub enum LoadOutcome {
    /// The version is active now.
    Applied(Evidence),
    /// The same hash again; nothing was parsed.
    Unchanged(Evidence),
    /// Refused; the previous version goes on serving.
    KeptLastGood(Refusal),
    /// Refused, and nothing usable is active.
    Rejected(Refusal),
}

impl LoadOutcome {
    /// The word for it.
    #[must_use]
    pub const fn result(&self) -> LoadResult {
        match self {
            Self::Applied(_) => LoadResult::Applied,
            Self::Unchanged(_) => LoadResult::Unchanged,
            Self::KeptLastGood(_) => LoadResult::KeptLastGood,
            Self::Rejected(_) => LoadResult::Rejected,
        }
    }

    /// Tag of the version that serves now.
    #[must_use]
    pub const fn tag(&self) -> Tag {
        match self {
            Self::Applied(evidence) | Self::Unchanged(evidence) => evidence.tag,
            Self::KeptLastGood(refusal) | Self::Rejected(refusal) => refusal.serving,
        }
    }

    /// Hash of the offered bytes.
    #[must_use]
    pub const fn hash(&self) -> Option<Hash> {
        match self {
            Self::Applied(evidence) | Self::Unchanged(evidence) => Some(evidence.hash),
            Self::KeptLastGood(refusal) | Self::Rejected(refusal) => refusal.hash,
        }
    }

    /// What a refusal tells, if it is one.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Applied(_) | Self::Unchanged(_) => None,
            Self::KeptLastGood(refusal) | Self::Rejected(refusal) => Some(refusal),
        }
    }

    /// The evidence of a version that is active now.
    ///
    /// # Errors
    /// When the version was refused; also where the previous one goes on serving.
    pub fn applied(self) -> Result<Evidence, Refused> {
        match self {
            Self::Applied(evidence) | Self::Unchanged(evidence) => Ok(evidence),
            Self::KeptLastGood(refusal) | Self::Rejected(refusal) => Err(Refused(Box::new(refusal))),
        }
    }
}

/// A refused load as an error.
///
/// ```
/// use firstbad_instrument::{Live, Origin, Refused};
///
/// static RULES: Live<u16> = Live::new("waf-rules");
///
/// fn reload(bytes: &[u8]) -> Result<(), Refused> {
///     RULES.load_bytes(bytes, &Origin::new(), |bytes| String::from_utf8_lossy(bytes).trim().parse::<u16>()).applied()?;
///     Ok(())
/// }
///
/// assert!(reload(b"80\n").is_ok());
/// let error = reload(b"http\n").unwrap_err().to_string();
/// assert!(error.ends_with("the previous version goes on serving"), "{error}");
/// ```
#[derive(Clone, Debug)]
pub struct Refused(pub Box<Refusal>);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {:?} was refused ({}): {}", self.hash, self.reason, self.error)?;
        f.write_str(if self.serving.is_none() {
            "; nothing usable is active"
        } else {
            "; the previous version goes on serving"
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

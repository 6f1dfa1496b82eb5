//! Loads for a proxy that keeps the parsed form itself: the steps of [`Attempt`] in one call.

use crate::config::Config;
use crate::load::{Attempt, Origin};
use crate::load_outcome::LoadOutcome;
use crate::tag::Tag;
use std::error::Error;
use std::fmt;
use std::future::Future;

/// A parsed form and the version it was parsed from.
///
/// ```
/// use firstbad_instrument::{Config, Loaded, Origin, Outcome};
///
/// static PORTS: Config = Config::new("ports");
///
/// let parse = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().parse::<u16>();
/// let Loaded { value, tag } = PORTS.load(b"80\n", &Origin::new(), parse)?;
/// assert_eq!(value, 80);
/// tag.record(Outcome::Ok);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Loaded<T> {
    /// What the parser made of the bytes.
    pub value: T,
    /// Tag of the version, which is active now; see [`Evidence::tag`](crate::Evidence::tag).
    pub tag: Tag,
}

/// Why [`Config::load`] loaded nothing. What served before goes on serving.
///
/// ```
/// use firstbad_instrument::{Config, Origin};
///
/// static PORTS: Config = Config::new("ports");
///
/// let unloaded = PORTS.load(b"http\n", &Origin::new(), |bytes| String::from_utf8_lossy(bytes).trim().parse::<u16>());
/// let unloaded = unloaded.unwrap_err();
/// assert!(unloaded.error.is_some(), "the parser's own error");
/// assert_eq!(unloaded.outcome.refusal().map(|refusal| refusal.reason.as_str()), Some("parse"));
/// ```
#[derive(Debug)]
pub struct Unloaded<E> {
    /// The parser's own error; none where it panicked or a declared limit is exceeded.
    pub error: Option<E>,
    /// What was recorded; its [`LoadOutcome::refusal`] has the reason.
    pub outcome: Box<LoadOutcome>,
}

impl<E> fmt::Display for Unloaded<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome.refusal() {
            Some(refusal) => refusal.fmt(f),
            None => f.write_str("the version was refused"),
        }
    }
}

/// Without a source: many parsers' errors are no [`Error`], and the text has theirs.
impl<E: fmt::Debug> Error for Unloaded<E> {}

impl Config {
    /// Loads `bytes` and returns what `parse` made of them, for a proxy that keeps it itself: hashes and inspects the very buffer,
    /// records the result, and declares the version active when `parse` succeeds. Put the value where requests find it at once,
    /// together with its tag.
    ///
    /// ```
    /// use firstbad_instrument::{Config, Loaded, Origin};
    /// use std::sync::RwLock;
    ///
    /// static PORTS: Config = Config::new("ports");
    /// static SERVING: RwLock<Option<Loaded<Vec<u16>>>> = RwLock::new(None);
    ///
    /// let parse = |bytes: &[u8]| -> Result<Vec<u16>, Box<dyn std::error::Error>> {
    ///     std::str::from_utf8(bytes)?.lines().map(|line| Ok(line.parse()?)).collect()
    /// };
    /// *SERVING.write()? = Some(PORTS.load(b"80\n443\n", &Origin::new().name("ports.txt"), parse)?);
    /// assert!(PORTS.load(b"http\n", &Origin::new(), parse).is_err());
    /// assert_eq!(SERVING.read()?.as_ref().map(|ports| ports.value.len()), Some(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When `parse` fails or panics, or the version exceeds a declared limit of a config that refuses such versions.
    pub fn load<T, E: fmt::Display>(
        &self,
        bytes: &[u8],
        origin: &Origin,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<Loaded<T>, Unloaded<E>> {
        let attempt =
            self.loading(bytes, origin).within_limits().map_err(|outcome| Unloaded { error: None, outcome })?;
        let mut own = None;
        let guarded = Attempt::guard(|| {
            parse(bytes).map_err(|error| {
                let text = error.to_string();
                own = Some(error);
                text
            })
        });
        match guarded {
            Ok(value) => Ok(Loaded { value, tag: attempt.applied() }),
            Err((reason, text)) => {
                let outcome = Box::new(attempt.finish(Err((reason, &text)), |_| {}));
                Err(Unloaded { error: own, outcome })
            }
        }
    }

    /// As [`Self::load`], with a parser that awaits: `config.load_async(&bytes, &origin, parse(&bytes)).await`. The hash is made
    /// of `bytes` on the calling thread, before the first await. A panic in `parsing` is recorded, and unwinds on; dropped before
    /// its end, the load is recorded as `abandoned`.
    ///
    /// # Errors
    /// When `parsing` fails, or the version exceeds a declared limit of a config that refuses such versions.
    pub async fn load_async<T, E: fmt::Display>(
        &self,
        bytes: &[u8],
        origin: &Origin,
        parsing: impl Future<Output = Result<T, E>>,
    ) -> Result<Loaded<T>, Unloaded<E>> {
        let attempt =
            self.loading(bytes, origin).within_limits().map_err(|outcome| Unloaded { error: None, outcome })?;
        match parsing.await {
            Ok(value) => Ok(Loaded { value, tag: attempt.applied() }),
            Err(error) => {
                let outcome = Box::new(attempt.finish(Err(("parse", &error.to_string())), |_| {}));
                Err(Unloaded { error: Some(error), outcome })
            }
        }
    }
}

//! Versions that served before the active one, with how long each served: what a proxy can go back to. How long is long
//! enough, and when to go back, is the proxy's decision.

use crate::live::Version;
use firstbad_protocol::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Earlier versions that are kept in parsed form, unless [`crate::Live::generations_kept`] says otherwise.
pub(crate) const KEPT: usize = 2;

/// A version that serves or served, as [`crate::Live::generations`] tells it.
///
/// ```
/// use firstbad_instrument::{Hash, Live, Origin};
///
/// static RULES: Live<usize> = Live::new("waf-rules");
///
/// let parse = |bytes: &[u8]| Ok::<_, String>(bytes.len());
/// for version in [b"a\n", b"b\n"] {
///     RULES.load_bytes(version, &Origin::new(), parse).applied()?;
/// }
/// let generations = RULES.generations();
/// assert_eq!(generations.iter().map(|known| known.active).collect::<Vec<_>>(), [true, false]);
/// // Back to the last one that served long enough; nothing is parsed.
/// let back = RULES.roll_back(std::time::Duration::ZERO).unwrap();
/// assert_eq!(back.hash(), Some(Hash::of(b"a\n")));
/// # Ok::<(), firstbad_instrument::Refused>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generation {
    /// Its hash.
    pub hash: Hash,
    /// How long it served, over all its times.
    pub served: Duration,
    /// Whether it serves now.
    pub active: bool,
}

/// A version in parsed form.
pub(crate) struct Parsed<T> {
    /// Hash of its bytes.
    pub(crate) hash: Hash,
    /// Its value, and the tag under which it is counted.
    pub(crate) version: Arc<Version<T>>,
}

struct Kept<T> {
    hash: Hash,
    version: Arc<Version<T>>,
    served: Duration,
    since: Option<Instant>,
}

/// The active version first, then earlier ones, the one that served last first.
pub(crate) struct Generations<T>(Vec<Kept<T>>);

impl<T> Generations<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// `parsed` begins to serve; of the earlier ones at most `kept` stay.
    pub(crate) fn activate(&mut self, parsed: Parsed<T>, kept: usize, now: Instant) {
        let Parsed { hash, version } = parsed;
        if let Some(active) = self.0.first_mut() {
            active.served += served_since(active.since.take(), now);
        }
        let before = self.0.iter().position(|known| known.hash == hash).map(|place| self.0.remove(place));
        let served = before.map_or(Duration::ZERO, |known| known.served);
        self.0.insert(0, Kept { hash, version, served, since: Some(now) });
        self.0.truncate(kept.saturating_add(1));
    }

    /// All of them.
    pub(crate) fn list(&self, now: Instant) -> Vec<Generation> {
        let tell = |(place, known): (usize, &Kept<T>)| Generation {
            hash: known.hash,
            served: known.served + served_since(known.since, now),
            active: place == 0,
        };
        self.0.iter().enumerate().map(tell).collect()
    }

    /// The version to go back to: of those before the active one the last that served for at least `bake_time`.
    pub(crate) fn last_good(&self, bake_time: Duration) -> Option<(Hash, Arc<Version<T>>)> {
        let good = self.0.iter().skip(1).find(|known| known.served >= bake_time)?;
        Some((good.hash, Arc::clone(&good.version)))
    }
}

fn served_since(since: Option<Instant>, now: Instant) -> Duration {
    since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::Tag;

    fn parsed(value: &'static str) -> Parsed<&'static str> {
        Parsed { hash: Hash::of(value.as_bytes()), version: Version::new(value, Tag::NONE) }
    }

    fn good(of: &Generations<&'static str>, seconds: u64) -> Option<&'static str> {
        of.last_good(Duration::from_secs(seconds)).map(|(_, version)| version.value)
    }

    #[test]
    fn the_last_that_served_long_enough_is_known_good() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut generations = Generations::new();
        for (second, value) in [(0, "a"), (300, "b"), (310, "c")] {
            generations.activate(parsed(value), 2, at(second));
        }
        assert_eq!(
            (good(&generations, 60), good(&generations, 5), good(&generations, 301)),
            (Some("a"), Some("b"), None)
        );
        let served: Vec<u64> = generations.list(at(330)).iter().map(|known| known.served.as_secs()).collect();
        assert_eq!(served, [20, 10, 300]);
        // The same again after another: its times add up, and it stands once.
        generations.activate(parsed("b"), 2, at(340));
        assert_eq!(generations.list(at(345)).first().map(|known| known.served.as_secs()), Some(15));
        assert_eq!(good(&generations, 0), Some("c"));
        generations.activate(parsed("d"), 2, at(350));
        assert_eq!(generations.list(at(350)).len(), 3, "the active one and two before it");
    }
}

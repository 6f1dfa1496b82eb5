//! Sentences about a feed that stopped.

use crate::hypothesis::feed::{Feed, Rival};
use crate::wording::time::{Length, clock};
use std::fmt;

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rhythm, since, age, .. } = self;
        write!(
            f,
            "no new version since {} until hosts began to fail, {}; one came every {} before ({} gaps, longest {})",
            clock(*since),
            Length(*age),
            Length(rhythm.usual),
            rhythm.gaps,
            Length(rhythm.longest)
        )
    }
}

impl fmt::Display for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GoesOn { hosts, of } => {
                write!(f, "{hosts} of {of} hosts that loaded a newer version go on failing")
            }
            Self::Ended => f.write_str("no version has come for so long that the feed may have been ended on purpose"),
            Self::Load => f.write_str("most of the failing hosts loaded another config shortly before they failed"),
            Self::Start => f.write_str("most of the failing hosts started shortly before they failed"),
            Self::Change => f.write_str("a change was reported when hosts began to fail"),
            Self::Recent => f.write_str("another recent change explains most failures, and nothing excludes it"),
            Self::Outside => {
                f.write_str("traffic, one place, one kind of requests or one host explains the failures too")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypothesis::feed::Rhythm;
    use crate::numerics::time::{Instant, Span};
    use firstbad_protocol::time::SECOND_NS;

    #[test]
    fn a_stopped_feed_is_told_with_its_rhythm() {
        let minutes = |count: i64| Span(count * 60 * SECOND_NS);
        let since = Instant(1_763_463_730 * SECOND_NS);
        let rhythm = Rhythm { last: since, gaps: 12, usual: minutes(5), longest: minutes(6) };
        let feed = Feed { rhythm, since, age: minutes(38), rival: None };
        assert_eq!(
            feed.to_string(),
            "no new version since 11:02:10 until hosts began to fail, 38 min; one came every 5 min before (12 gaps, longest 6 min)"
        );
    }
}

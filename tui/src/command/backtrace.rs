//! The backtrace of a panic, from the events that a collector has stored around the panic's first time.

use crate::screen::model::PanicPlace;
use crate::screen::runtime::Backtraces;
use firstbad_collector::Client;
use firstbad_collector::export::{Form, Options};
use firstbad_protocol::time::SECOND_NS;
use serde::Deserialize;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::Arc;

/// Time around the first panic in which its event is looked for: the sender's clock may be off by so much.
const AROUND_NS: i64 = 60 * SECOND_NS;
/// Bytes of stored events that are read for one backtrace.
const READ_BYTES_MAX: u64 = 64 << 20;
/// Frames shown.
const FRAMES_MAX: usize = 200;

/// One exported observation, as far as it matters here.
#[derive(Deserialize)]
struct Exported {
    kind: String,
    observation: Observed,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Observed {
    site: Option<String>,
}

#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(rename = "exception.stacktrace")]
    stack: Option<String>,
}

/// Backtraces as the screen asks for them.
pub(super) fn kept_by(client: &Client) -> Backtraces {
    let client = client.clone();
    Arc::new(move |place| {
        let (from, to) = (place.first_seen - AROUND_NS, place.first_seen + AROUND_NS);
        let options = Options { from: Some(from), to: Some(to), format: Form::Ndjson };
        let events = client.export(&options).map_err(|error| error.to_string())?;
        first_at(place, events)
    })
}

/// The first backtrace of a panic at `place` among exported observations.
fn first_at(place: &PanicPlace, events: impl Read) -> Result<Vec<String>, String> {
    let mut seen = false;
    for line in BufReader::new(events.take(READ_BYTES_MAX)).lines() {
        let line = line.map_err(|error| format!("the stored events could not be read: {error}"))?;
        // A row is no event, and most lines are rows.
        if !line.contains("\"panic\"") {
            continue;
        }
        let Ok(exported) = serde_json::from_str::<Exported>(&line) else { continue };
        if exported.kind != "panic" || exported.observation.site.as_deref() != Some(place.site.as_str()) {
            continue;
        }
        seen = true;
        if let Some(stack) = exported.attributes.stack.filter(|stack| !stack.trim().is_empty()) {
            return Ok(stack.lines().take(FRAMES_MAX).map(|frame| frame.trim_end().to_owned()).collect());
        }
    }
    Err(match seen {
        true => "its events were sent without a backtrace".to_owned(),
        false => "its events are no longer stored".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::time::Timestamp;

    fn place() -> PanicPlace {
        PanicPlace { site: "src/a.rs:7:1".into(), first_seen: Timestamp::from_seconds(100) }
    }

    #[test]
    fn the_stack_of_the_first_event_at_the_place_is_found_among_others() {
        let other =
            r#"{"kind":"panic","observation":{"site":"src/b.rs:1:1"},"attributes":{"exception.stacktrace":"b"}}"#;
        let bare = r#"{"kind":"panic","observation":{"site":"src/a.rs:7:1"},"attributes":{}}"#;
        let whole = r#"{"kind":"panic","observation":{"site":"src/a.rs:7:1"},"attributes":{"exception.stacktrace":"0: main\n1: start"}}"#;
        let row = r#"{"kind":"row","observation":{"totals":[{"outcomes":{"panic":1}}]}}"#;
        let of = |lines: &[&str]| first_at(&place(), lines.join("\n").as_bytes());
        assert_eq!(of(&[row, other, bare, whole]), Ok(vec!["0: main".to_owned(), "1: start".to_owned()]));
        assert_eq!(of(&[row, bare]), Err("its events were sent without a backtrace".to_owned()));
        assert_eq!(of(&[row, other, "not JSON with \"panic\""]), Err("its events are no longer stored".to_owned()));
    }
}

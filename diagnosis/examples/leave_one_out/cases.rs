//! Reads labelled captures: `truth.json` with the moment and the causes of each case, and `NAME.jsonl.gz` beside it.

use firstbad_diagnosis::localise::{Counts, Leaf};
use firstbad_diagnosis::observation::Name;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::Read;
use std::path::Path;

/// Key and value of every dimension.
pub(crate) type Dimensions = BTreeMap<Name, Name>;

/// One labelled incident.
pub(crate) struct Case {
    /// Cases of one month share streams, networks and ways to fail: they are held out together.
    pub(crate) month: String,
    /// What the localiser is told.
    pub(crate) leaves: Vec<Leaf>,
    /// The right answers.
    pub(crate) causes: Vec<Dimensions>,
}

/// All cases of `folder`.
pub(crate) fn read(folder: &Path) -> Result<Vec<Case>, Box<dyn Error>> {
    let truth: BTreeMap<String, Value> = serde_json::from_slice(&std::fs::read(folder.join("truth.json"))?)?;
    let case = |(name, told): (String, Value)| {
        let minute = told.get("minute").and_then(Value::as_str).ok_or("a case without `minute`")?;
        let causes = told.get("causes").cloned().ok_or("a case without `causes`")?;
        let causes: Vec<BTreeMap<String, String>> = serde_json::from_value(causes)?;
        Ok(Case {
            month: minute.chars().take(7).collect(),
            leaves: leaves(&folder.join(format!("{name}.jsonl.gz")), minute)?,
            causes: causes.into_iter().map(named).collect(),
        })
    };
    truth.into_iter().map(case).collect()
}

fn named(pairs: BTreeMap<String, String>) -> Dimensions {
    pairs.into_iter().map(|(key, value)| (Name::from(key), Name::from(value))).collect()
}

/// The leaves up to the labelled minute, which is judged; every minute before it is baseline.
fn leaves(capture: &Path, minute: &str) -> Result<Vec<Leaf>, Box<dyn Error>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(capture)?).read_to_string(&mut text)?;
    let judged = nanoseconds(minute)?;
    let mut counts: BTreeMap<Dimensions, BTreeMap<i64, Counts>> = BTreeMap::new();
    for line in text.lines() {
        let request: Value = serde_json::from_str(line)?;
        for point in below(&request, &["resourceMetrics", "scopeMetrics", "metrics"]) {
            for point in point.pointer("/sum/dataPoints").and_then(Value::as_array).into_iter().flatten() {
                let start = point.get("startTimeUnixNano").and_then(Value::as_str).ok_or("no start")?.parse()?;
                if start <= judged {
                    add(&mut counts, start, point)?;
                }
            }
        }
    }
    let minutes: BTreeSet<i64> = counts.values().flat_map(|by_minute| by_minute.keys().copied()).collect();
    let at = |by_minute: &BTreeMap<i64, Counts>, minute: i64| by_minute.get(&minute).copied().unwrap_or_default();
    let leaf = |(dimensions, by_minute): (Dimensions, BTreeMap<i64, Counts>)| Leaf {
        dimensions,
        now: at(&by_minute, judged),
        baseline: minutes.range(..judged).map(|minute| at(&by_minute, *minute)).collect(),
    };
    Ok(counts.into_iter().map(leaf).collect())
}

fn add(
    counts: &mut BTreeMap<Dimensions, BTreeMap<i64, Counts>>,
    start: i64,
    point: &Value,
) -> Result<(), Box<dyn Error>> {
    let attributes = point.get("attributes").and_then(Value::as_array).into_iter().flatten();
    let pair = |attribute: &Value| {
        Some((
            attribute.get("key")?.as_str()?.to_owned(),
            attribute.pointer("/value/stringValue")?.as_str()?.to_owned(),
        ))
    };
    let mut pairs: BTreeMap<String, String> = attributes.filter_map(pair).collect();
    let failed = pairs.remove("firstbad.outcome").ok_or("a point without outcome")? != "ok";
    let count: f64 = point.get("asInt").and_then(Value::as_str).ok_or("a point without asInt")?.parse()?;
    let sum = counts.entry(named(pairs)).or_default().entry(start).or_default();
    sum.requests += count;
    sum.failures += if failed { count } else { 0.0 };
    Ok(())
}

/// All that lies below nested arrays with these names.
fn below<'a>(value: &'a Value, names: &[&str]) -> Vec<&'a Value> {
    let Some((first, rest)) = names.split_first() else { return vec![value] };
    value.get(first).and_then(Value::as_array).into_iter().flatten().flat_map(|one| below(one, rest)).collect()
}

fn nanoseconds(minute: &str) -> Result<i64, Box<dyn Error>> {
    let time: firstbad_protocol::time::Timestamp = serde_json::from_value(Value::from(minute))?;
    Ok(time.0)
}

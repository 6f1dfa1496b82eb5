//! Compares what was counted in a version with the declared limits, and says what a person should know. Nothing is refused
//! here.

use crate::config::Config;
use crate::load::Origin;
use firstbad_protocol::content::Inspection;
use firstbad_protocol::recorder::layout::{config, facts};

/// Share of a limit from which on it is said.
const WARN_PERCENT: u64 = 80;

/// Growth against the version that serves, from which on it is said; also shrinking to less than the inverse.
const GROWTH_PERCENT: u128 = 150;

/// One sentence about a version.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) sentence: String,
    /// Whether a declared limit is exceeded.
    pub(crate) exceeds: bool,
}

/// Observed values of the declared limits, and what is worth saying.
pub(crate) fn of(
    declared: &Config,
    origin: &Origin,
    content: Option<&Inspection>,
) -> ([Option<u64>; config::LIMITS_MAX], Vec<Finding>) {
    let mut observed = [None; config::LIMITS_MAX];
    let mut findings = Vec::new();
    for (place, (name, limit)) in observed.iter_mut().zip(declared.limits.iter().filter(|limit| !limit.0.is_empty())) {
        *place = value_of(name, origin, content);
        let Some(value) = *place else { continue };
        if value > *limit {
            let sentence = format!("{name} = {value} exceeds the declared limit of {limit}");
            findings.push(Finding { sentence, exceeds: true });
        } else if u128::from(value) * 100 >= u128::from(*limit) * u128::from(WARN_PERCENT) && *limit > 0 {
            let sentence =
                format!("{name} = {value} is at {} % of the declared limit of {limit}", percent(value, *limit));
            findings.push(Finding { sentence, exceeds: false });
        }
    }
    findings.extend(content.into_iter().flat_map(of_content));
    (observed, findings)
}

/// How large a version's content is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ContentSize {
    /// Bytes; none if they were not counted.
    pub(crate) bytes: Option<u64>,
    /// Rows; none if they were not counted.
    pub(crate) rows: Option<u64>,
}

/// What grew or shrank by much against the version that serves.
pub(crate) fn growth(serving: ContentSize, content: &Inspection) -> Vec<Finding> {
    let pairs = [("rows", serving.rows, content.rows), ("bytes", serving.bytes, Some(content.size))];
    let said = pairs.into_iter().filter_map(|(name, before, after)| {
        let (before, after) = (before?, after?);
        let (old, new) = (u128::from(before), u128::from(after));
        let word = if old > 0 && new * 100 >= old * GROWTH_PERCENT {
            "grew"
        } else if old * 100 >= new * GROWTH_PERCENT {
            "shrank"
        } else {
            return None;
        };
        let sentence = format!("{name} {word} from {before} to {after} against the version that serves");
        Some(Finding { sentence, exceeds: false })
    });
    said.take(1).collect()
}

fn percent(value: u64, limit: u64) -> u128 {
    u128::from(value) * 100 / u128::from(limit.max(1))
}

fn value_of(name: &str, origin: &Origin, content: Option<&Inspection>) -> Option<u64> {
    if let Some((_, value)) = origin.counters.iter().find(|(counter, _)| counter == name) {
        return Some(*value);
    }
    let content = content?;
    match name {
        "rows" => content.rows,
        "bytes" | "size" => Some(content.size),
        "columns" => content.columns,
        "duplicate_rows" => content.duplicate_rows,
        "blank_fields" => content.blank_fields,
        _ => None,
    }
}

fn of_content(content: &Inspection) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut say = |sentence: String| found.push(Finding { sentence, exceeds: false });
    if let Some(what) = content.unlike {
        say(format!("this looks like {what}, and not like {}", content.format.as_str()));
    }
    if let Some(line) = content.unclosed {
        say(format!("what opens on line {line} (a quote, bracket or block) is not closed at the end"));
    }
    if content.size == 0 {
        say("the file is empty".to_owned());
    } else if content.rows == Some(0) {
        say("there are no rows".to_owned());
    }
    if let Some(count @ 1..) = content.duplicate_rows {
        let example = content.duplicates.first().map_or_else(String::new, |first| {
            format!(", first {:?} on lines {} and {}", first.text, first.lines.0, first.lines.1)
        });
        say(format!("{count} rows repeat an earlier row{example}"));
    }
    if let Some(count @ 1..) = content.blank_fields {
        say(format!("{count} fields are blank"));
    }
    if content.ragged_rows > 0 {
        say(format!("{} rows have another number of fields than the first", content.ragged_rows));
    }
    found
}

/// Facts as the recorder keeps them.
pub(crate) fn facts(origin: &Origin, content: Option<&Inspection>) -> [u64; facts::WORDS] {
    let mut words = [0; facts::WORDS];
    let numbers = [
        content.map(|content| content.size),
        content.and_then(|content| content.rows),
        content.and_then(|content| content.duplicate_rows),
        content.and_then(|content| content.blank_fields),
        content.and_then(|content| content.columns),
        origin.generation.map(|number| number as u64),
    ];
    let mut mask = 0;
    for (index, number) in numbers.iter().enumerate() {
        mask |= u64::from(number.is_some()) << index;
    }
    let rowset = content.and_then(|content| content.rowset);
    mask |= u64::from(rowset.is_some()) << facts::NUMBER_COUNT;
    let rowset = rowset.map_or([0; 32], |hash| hash.0);
    let (numbers, rowset) = (
        numbers.iter().map(|number| number.unwrap_or(0)),
        rowset.chunks_exact(8).map(|chunk| u64::from_ne_bytes(chunk.try_into().unwrap_or_default())),
    );
    for (word, value) in words.iter_mut().zip(std::iter::once(mask).chain(numbers).chain(rowset.collect::<Vec<_>>())) {
        *word = value;
    }
    words
}

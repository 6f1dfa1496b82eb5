//! The torture kit finds each fault that a loader can have, and none where there is none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_instrument::testing::{Expected, Reaction, Report, Torture, torture};
use std::collections::BTreeMap;
use std::time::Duration;

const GOOD: &str = "name,weight\nalpha,1\nbeta,2\ngamma,3\ndelta,4\n";
const ROWS_MAX: usize = 8;

type Features = BTreeMap<String, i64>;

/// A loader without fault: it takes only what it understands whole.
fn careful(bytes: &[u8]) -> Result<Features, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let rows = text.strip_prefix("name,weight\n").ok_or("no header")?;
    let rows = rows.strip_suffix('\n').ok_or("the last line has no end")?;
    let mut features = Features::new();
    for row in rows.split('\n') {
        let (name, weight) = row.split_once(',').ok_or_else(|| format!("no field in {row:?}"))?;
        if name.is_empty() || name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("no name in {row:?}"));
        }
        let weight = weight.parse().map_err(|error| format!("{row:?}: {error}"))?;
        if features.insert(name.to_owned(), weight).is_some() {
            return Err(format!("{name} stands twice"));
        }
    }
    if features.len() < 4 { Err("a feature is missing".into()) } else { Ok(features) }
}

fn limited(bytes: &[u8]) -> Result<Features, String> {
    let features = careful(bytes)?;
    if features.len() > ROWS_MAX { Err(format!("{} rows", features.len())) } else { Ok(features) }
}

/// The loader of November: it preallocates, and panics at one row too many.
fn preallocating(bytes: &[u8]) -> Result<Features, String> {
    let features = careful(bytes)?;
    let mut table = [0; ROWS_MAX];
    for (place, weight) in features.values().enumerate() {
        table[place] = *weight;
    }
    Ok(features)
}

/// Skips what it does not understand.
fn lenient(bytes: &[u8]) -> Result<Features, String> {
    let text = String::from_utf8_lossy(bytes);
    let pairs = text.lines().skip(1).filter_map(|row| row.split_once(','));
    Ok(pairs.filter_map(|(name, weight)| Some((name.to_owned(), weight.parse().ok()?))).collect())
}

fn faults(report: &Report) -> Vec<&str> {
    report.faults().map(|trial| trial.variant.as_str()).collect()
}

#[test]
fn a_loader_without_fault_has_none() {
    let report = Torture::of(GOOD).name("features.csv").rows_max(ROWS_MAX).run(limited);
    assert!(report.faults().next().is_none(), "{report}");
    assert!(report.trials.len() > 35, "{report}");
    let reactions =
        |wanted: fn(&Reaction) -> bool| report.trials.iter().filter(|trial| wanted(&trial.reaction)).count();
    assert!(reactions(|reaction| matches!(reaction, Reaction::Refused(_))) > 20, "{report}");
    assert!(reactions(|reaction| matches!(reaction, Reaction::Changed)) > 0, "a valid file with a row more: {report}");
}

#[test]
fn a_panic_at_one_row_too_many_is_found() {
    let report = Torture::of(GOOD).name("features.csv").rows_max(ROWS_MAX).run(preallocating);
    let found = faults(&report);
    assert!(found.contains(&"9 rows: more than the 8 allowed"), "{report}");
    assert!(!found.contains(&"8 rows: as many as are allowed"), "{report}");
    let panicked = |trial: &&firstbad_instrument::testing::Trial| matches!(&trial.reaction, Reaction::Panicked(message) if message.contains("index out of bounds"));
    assert!(report.faults().filter(panicked).count() >= 4, "{report}");
    assert!(
        report.to_string().contains("FAULT 9 rows: more than the 8 allowed: panicked: index out of bounds"),
        "{report}"
    );
}

#[test]
fn what_is_taken_without_a_word_is_found() {
    let report = Torture::of(GOOD).name("features.csv").run(lenient);
    let found = faults(&report);
    for variant in ["an empty file", "truncated to 4 eighths", "no rows", "the middle row cut in half", "junk"] {
        assert!(found.contains(&variant), "{variant} is not in {found:?}");
    }
    assert!(!found.contains(&"the rows in reverse order"), "it does no harm: {report}");
}

#[test]
fn a_loader_that_depends_on_order_or_counts_duplicates_is_found() {
    let report = torture(
        |bytes| {
            let features = careful_rows(bytes)?;
            Ok::<_, String>(features)
        },
        GOOD,
    );
    let found = faults(&report);
    assert!(found.contains(&"the rows in reverse order") && found.contains(&"every row twice"), "{report}");
}

/// As [`careful`], but it keeps the rows as they come.
fn careful_rows(bytes: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let rows: Vec<String> = text.lines().map(str::to_owned).collect();
    if rows.iter().any(|row| row.split(',').count() != 2) || rows.len() < 5 { Err("odd rows".into()) } else { Ok(rows) }
}

#[test]
fn a_loader_that_hangs_is_left_behind() {
    let loader = |bytes: &[u8]| {
        while bytes.windows(2).any(|pair| pair == b"\n\n") {
            std::thread::park();
        }
        limited(bytes)
    };
    let report = Torture::of(GOOD).name("features.csv").timeout(Duration::from_millis(300)).run(loader);
    let hung: Vec<_> =
        report.faults().filter(|trial| trial.reaction == Reaction::Hung).map(|trial| trial.variant.as_str()).collect();
    assert!(hung.contains(&"a blank row in the middle"), "{report}");
}

#[test]
fn a_good_file_that_is_refused_is_told_instead_of_all_else() {
    let report = torture(|_| Err::<(), _>("never"), GOOD);
    assert_eq!(report.trials.len(), 2);
    assert!(report.trials.iter().all(|trial| trial.expected == Expected::Acceptance && trial.is_fault()), "{report}");
}

#[test]
fn json_and_yaml_are_cut_into_their_rows() {
    for (name, good) in [
        ("rows.json", "[{\"n\":1}, {\"n\":2}, {\"n\":3}]\n"),
        ("rows.yaml", "- n: 1\n- n: 2\n- n: 3\n"),
        ("rows.jsonl", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"),
    ] {
        // A loader that takes any bytes: every variant that must be refused is a fault, so the variants are seen here.
        let report = Torture::of(good).name(name).run(|bytes| Ok::<_, String>(bytes.to_vec()));
        let found = faults(&report);
        for variant in ["every row twice", "the rows in reverse order", "the middle row blank"] {
            assert!(found.contains(&variant), "{name}: {found:?}");
        }
    }
}

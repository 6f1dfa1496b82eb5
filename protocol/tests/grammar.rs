//! The texts that typed facts leave in JSON: each reads back as what was written, today's texts stay as they are, and a
//! text of another release is kept.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use firstbad_protocol::blind_spot::ClockOffset;
use firstbad_protocol::property::{Clause, Comparison, Fact, Thousandths, WordFact};
use firstbad_protocol::time::{ClockTime, Timestamp};
use firstbad_protocol::{BlindSpot, Finding, Property};
use proptest::prelude::*;

fn comparison() -> impl Strategy<Value = Comparison> {
    use Comparison::{Above, AtLeast, AtMost, Below, Equals};
    prop::sample::select(vec![Above, AtLeast, Below, AtMost, Equals])
}

/// Names and values as hostile senders choose them: made of what the grammar is made of.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "and",
        " ",
        " and ",
        "\"",
        "\"\"",
        "=",
        ">",
        "<=",
        "rows",
        "source = ",
        "limit_usage(",
        ")",
        "7",
        "é",
        "\n",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn clause() -> impl Strategy<Value = Clause> {
    let fact = prop_oneof![
        prop::sample::select(vec!["rows", "duplicate_rows", "size", "blank_fields", "columns", "generation"])
            .prop_map(Fact::named),
        hostile().prop_map(|name| Fact::named(&name)),
    ];
    let word = prop::sample::select(vec![WordFact::Source, WordFact::Label]);
    prop_oneof![
        (fact, comparison(), any::<i64>()).prop_map(|(fact, op, value)| Clause::Number { fact, op, value }),
        (word, hostile()).prop_map(|(fact, value)| Clause::Word { fact, value }),
        (hostile(), comparison(), any::<u64>()).prop_map(|(limit, op, value)| Clause::LimitUsage {
            limit,
            op,
            value: Thousandths(value)
        }),
    ]
}

fn property() -> impl Strategy<Value = Property> {
    prop_oneof![
        prop::sample::select(vec![
            Property::Empty,
            Property::GenerationWentBackwards,
            Property::SplitWithinGeneration,
            Property::Undeclared,
            Property::Stale,
        ]),
        clause().prop_map(Property::Clause),
        prop::collection::vec(clause(), 2..5).prop_map(Property::All),
    ]
}

proptest! {
    #[test]
    fn a_property_is_read_back_as_what_was_written(property in property()) {
        let text = property.to_string();
        prop_assert_eq!(text.parse(), Ok(property.clone()), "{}", text);
        let json = serde_json::to_string(&property).expect("JSON");
        prop_assert_eq!(&json, &serde_json::to_string(&text).expect("JSON"));
        prop_assert_eq!(serde_json::from_str::<Property>(&json).expect("JSON"), property);
    }

    #[test]
    fn every_text_is_kept(text in hostile()) {
        prop_assert_eq!(Property::from(text.as_str()).to_string(), text.clone());
        prop_assert_eq!(Finding::from(text.clone()).to_string(), text);
    }
}

#[test]
fn the_grammar_writes_what_captures_and_reports_hold_today() {
    let known = [
        ("rows > 200", Property::number(Fact::Rows, Comparison::Above, 200)),
        ("size < 10", Property::number(Fact::Size, Comparison::Below, 10)),
        ("features > 200", Property::number(Fact::named("features"), Comparison::Above, 200)),
        ("source = generator b", Property::word(WordFact::Source, "generator b")),
        ("label = 12", Property::word(WordFact::Label, "12")),
        ("empty", Property::Empty),
        ("generation went backwards", Property::GenerationWentBackwards),
        ("split within a generation", Property::SplitWithinGeneration),
        ("undeclared", Property::Undeclared),
        ("stale", Property::Stale),
    ];
    for (text, property) in known {
        assert_eq!((property.to_string().as_str(), text.parse()), (text, Ok(property)), "{text}");
    }
    let used = Clause::LimitUsage { limit: "rows".into(), op: Comparison::Above, value: Thousandths(900) };
    let Property::All(clauses) = Property::from("limit_usage(rows) > 0.9 and duplicate_rows > 0") else {
        panic!("two clauses")
    };
    assert_eq!(clauses.first(), Some(&used));
}

#[test]
fn a_text_that_no_grammar_knows_is_shown_and_decides_nothing() {
    for text in ["rows > 007", "rows ~ 3", "of another release", "", "source = a and b", "rows > 1 and ", "\"a > 3"] {
        assert!(text.parse::<Property>().is_err(), "{text}");
        assert_eq!(Property::from(text), Property::Other(text.to_owned()));
    }
}

#[test]
fn findings_are_read_back_as_what_was_written() {
    let known = [
        (
            "240 rows exceed the declared limit of 200",
            Finding::ExceedsLimit { name: "rows".into(), value: 240, limit: 200 },
        ),
        ("120 rows repeat an earlier row", Finding::RepeatedRows { rows: 120 }),
        (
            "generation: 4, was 7 in the last known good version",
            Finding::Changed { fact: "generation".into(), now: 4, before: 7 },
        ),
        ("the header is gone", Finding::Other("the header is gone".into())),
        ("+1 rows repeat an earlier row", Finding::Other("+1 rows repeat an earlier row".into())),
    ];
    for (text, finding) in known {
        assert_eq!((finding.to_string().as_str(), Finding::from(text.to_owned())), (text, finding));
    }
}

#[test]
fn blind_spots_are_read_back_as_what_was_written() {
    let since = Some(ClockTime::from(Timestamp::from_seconds(1_763_465_284)));
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let clock = |host: &str, offset_s| ClockOffset { host: host.into(), offset_s };
    let known = [
        ("1 host is silent since 11:28:04 (edge-1)", BlindSpot::Silent { hosts: 1, since, names: names(&["edge-1"]) }),
        (
            "4 hosts are silent since 11:28:04 (a, b, c, ..)",
            BlindSpot::Silent { hosts: 4, since, names: names(&["a", "b", "c"]) },
        ),
        ("2 hosts are silent", BlindSpot::Silent { hosts: 2, since: None, names: Vec::new() }),
        (
            "clocks that differ from the fleet's were corrected: a by 3 s, b by -86400 s",
            BlindSpot::Clocks { clocks: vec![clock("a", 3), clock("b", -86_400)] },
        ),
        ("12 reports were too late or had an impossible timestamp", BlindSpot::Late { rows: 12 }),
        ("1 report was too late or had an impossible timestamp", BlindSpot::Late { rows: 1 }),
        ("senders dropped 5 telemetry events", BlindSpot::Dropped { events: 5 }),
        (
            "resources report no requests or scores that firstbad knows; among their metrics are a.b, c (3 times)",
            BlindSpot::NotUnderstood { resources: 3, metrics: names(&["a.b", "c"]) },
        ),
        (
            "resources report no requests or scores that firstbad knows",
            BlindSpot::NotUnderstood { resources: 1, metrics: Vec::new() },
        ),
        (
            "nothing was understood: it holds no requests, scores, loads or events that firstbad knows",
            BlindSpot::NothingUnderstood,
        ),
        (
            "a.jsonl: line 3 (byte 120) cannot be read: it is no JSON",
            BlindSpot::BrokenLine { place: "a.jsonl: line 3 (byte 120)".into(), fault: "it is no JSON".into() },
        ),
        ("further lines cannot be read", BlindSpot::BrokenLines { lines: 1 }),
        ("further lines cannot be read (17 times)", BlindSpot::BrokenLines { lines: 17 }),
        (
            "several processes report under the same resource attributes, told apart by their start times alone: set service.instance.id (or host.name and process.pid) for each (2 times)",
            BlindSpot::SharedIdentity { times: 2 },
        ),
        (
            "3 hosts changed versions more often than is remembered: they count neither for nor against",
            BlindSpot::TruncatedHistory { hosts: 3 },
        ),
        ("9 names, versions or hosts found no room in the engine's tables", BlindSpot::Bounds { entries: 9 }),
        (
            "changes without a kind were not read",
            BlindSpot::Other { sentence: "changes without a kind were not read".into(), count: 1 },
        ),
        ("x (2 times)", BlindSpot::Other { sentence: "x".into(), count: 2 }),
    ];
    for (text, spot) in known {
        assert_eq!((spot.to_string().as_str(), BlindSpot::from(text.to_owned())), (text, spot));
    }
    assert_eq!(BlindSpot::counted("x", 2).to_string(), "x (2 times)");
    assert_eq!(BlindSpot::counted("x", 1).to_string(), "x");
}

#[test]
fn a_hostile_name_in_a_sentence_is_escaped_and_read_back_escaped() {
    let spot =
        BlindSpot::Silent { hosts: 1, since: Some(ClockTime::from(Timestamp(0))), names: vec!["a\u{1b}]52".into()] };
    let text = spot.to_string();
    assert!(!text.contains('\u{1b}'), "{text}");
    assert_eq!(BlindSpot::from(text.clone()).to_string(), text);
}

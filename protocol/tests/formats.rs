//! Walkers and parsers of contents: where both count, they agree; neither panics whatever the bytes are; the work grows with the
//! bytes and not with their square.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_protocol::content::parse::parse;
use firstbad_protocol::content::{Format, diff, inspect};
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Longest time for a megabyte: linear work takes some 50 ms, quadratic work hours.
const MEGABYTE_MAX: Duration = Duration::from_secs(10);

/// Rows as the walker counts them, and as the parser does, where it reads the text.
fn counts(text: &str, format: Format) -> (Option<u64>, Option<Option<u64>>) {
    let walked = inspect(text.as_bytes(), format);
    (walked.rows.filter(|_| walked.unlike.is_none()), parse(text.as_bytes(), format).ok().map(|document| document.rows))
}

/// One file of each kind, with the rows that it has; none: it has no rows to be counted.
fn files() -> Vec<(Format, String, Option<u64>)> {
    let list: String = (1..=240).map(|i| format!("feature_{i}\n")).collect();
    let pairs: String = (1..=240).map(|i| format!("f{i},0.{i}\n")).collect();
    let objects: String = (1..=50).map(|i| format!("{{\"id\": {i}, \"rule\": \"a\\\"b\"}}\n")).collect();
    let one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    vec![
        (Format::Csv, list.clone(), Some(240)),
        (Format::Csv, format!("name,weight\n{pairs}"), Some(240)),
        (Format::Csv, pairs.clone(), Some(240)),
        (Format::CsvHeader, pairs.clone(), Some(239)),
        (Format::CsvRows, format!("name,weight\n{pairs}"), Some(241)),
        (Format::Csv, format!("# made today\nname,weight\n# old\n{pairs}"), Some(240)),
        (Format::Csv, "\u{feff}id;text\r\n1;\"a\r\nb\"\r\n\r\n2;5\" disk\r\n".into(), Some(2)),
        (Format::Csv, "a,b\r1,2\r3,4".into(), Some(2)),
        (Format::Tsv, "id\tname\n1\t\"a\n2\tb\n".into(), Some(2)),
        (Format::TsvRows, "id\tname\n1\ta\n".into(), Some(2)),
        (Format::JsonLines, objects.clone(), Some(50)),
        (Format::JsonArray, format!("[{}]", objects.trim().replace('\n', ",\n")), Some(50)),
        (Format::JsonArray, format!("{{\"v\": 1, \"rows\": [{}]}}", objects.trim().replace('\n', ",")), Some(50)),
        (Format::JsonArray, "{\"a\": {\"b\": [1]}, \"c\": 2}".into(), None),
        (Format::YamlList, "- a\n- b: 1\n  c:\n    - x\n".into(), Some(2)),
        (Format::YamlList, "v: 1\ncountries: &all\n  - DE\n  - 'NO' # Norway\n\n  # more\n  - SE\n".into(), Some(3)),
        (Format::YamlList, "countries: [DE, 'N,O', {a: [1, 2]}]\n".into(), Some(3)),
        (Format::YamlList, "server:\n  port: 80\n".into(), None),
        (Format::Toml, "[server]\nport = 80\n[client]\nport = 80\n".into(), None),
        (
            Format::Toml,
            "v = 1\n[[rule]]\na = 1\n[rule.x]\nb = \"\"\"\n[[rule]]\n\"\"\"\n[[rule]]\na = 2\n".into(),
            Some(2),
        ),
        (Format::Toml, "deny = [ # list\n  \"a\",\n  'b]', [1, 2],\n]\n".into(), Some(3)),
        (Format::Ini, "[a]\nb = c\nb = d\n".into(), None),
        (Format::Lines, format!("# head\n\n! x\n{list}"), Some(240)),
        (Format::Pem, format!("CA\n==\n{one}{one}"), Some(2)),
        (Format::Binary, "\0\u{1}".into(), None),
    ]
}

#[test]
fn walker_and_parser_count_what_stands_in_every_format() {
    for (format, text, rows) in files() {
        assert_eq!(counts(&text, format), (rows, Some(rows)), "{} of {text:.80}", format.as_str());
    }
    let seen: Vec<Format> = files().iter().map(|file| file.0).collect();
    let left = Format::ALL.iter().filter(|format| !seen.contains(format) && **format != Format::TsvHeader).count();
    assert_eq!(left, 0, "every format has a file here");
}

/// Pieces from which texts of a format are put together, valid ones and others, with a dot between them.
const JSON: &[&str] = &["[·]·{·}·,·:·\"a\"·\"rows\"·\"\\\"\"·1·true·null· ·\n·[1,2]·{\"a\":[1]}"];
const YAML: &[&str] = &[
    "- ·-\n·a:·b: ·  ·    ·\n·\n·[·]·, ·{·}·'·\"·# x· #·|\n·>\n·&a ·*a·---\n·...\n·x·1·: ·rows:\n·- x\n·  - y\n·",
    "b: 1\n·c: |\n·  k: v\n·d: [1, 'x,y']\n·e: {a: [1]}\n·    - z\n·- k: v\n·f: \"q\n  r\"\n·g: text\n·# c\n·\n·",
    "  # c\n·? ·!t ·\t·%Y\n",
];
const TOML: &[&str] = &[
    "[a]\n·[[a]]\n·[[b]]\n·[a.b]\n·[[a.c]]\n·x = ·y = ·a = ·1\n·\"s\"\n·'s#'\n·\"\"\"·'''·[·]·, ·1·{ z = 1 }·\n·",
    "# [[a]]\n·\"\\\"\"·p.q = ·true\n",
];
const INI: &[&str] = &["[a]\n·b = c\n·; x\n·d\n·\n· = ·[·b: c\n"];
const PEM: &[&str] = &["-----BEGIN A-----\n·-----END A-----\n·AAAA\n·\n·text\n"];
const LINES: &[&str] = &["a\n·  b\n·# x\n·! y\n·//z\n·{\n·}\n·\n·##.ad\n·\r\n·|\n"];
const CSV: &[&str] = &["a·1·,·;·\t·|·\"·\n·\r\n·\r·# x\n·#a,b\n· ·name,type\n·f1,2\n·\"a\"\"b\",1\n"];

fn pieces(format: Format) -> Vec<&'static str> {
    let lines = match format {
        Format::JsonArray | Format::JsonLines => JSON,
        Format::YamlList => YAML,
        Format::Toml => TOML,
        Format::Ini => INI,
        Format::Pem => PEM,
        Format::Lines => LINES,
        _ => CSV,
    };
    lines.iter().flat_map(|line| line.split('·')).filter(|piece| !piece.is_empty()).collect()
}

/// A text put together from pieces of a format.
#[derive(Clone, Debug)]
struct Sample {
    /// The format that the pieces are of.
    format: Format,
    /// Up to 23 pieces.
    text: String,
}

fn samples() -> impl Strategy<Value = Sample> {
    prop::sample::select(Format::ALL.to_vec()).prop_flat_map(|format| {
        let parts = prop::collection::vec(prop::sample::select(pieces(format)), 0..24);
        parts.prop_map(move |parts| Sample { format, text: parts.concat() })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn where_both_count_they_agree(sample in samples()) {
        let Sample { format, text } = sample;
        if let (Some(walked), Some(Some(parsed))) = counts(&text, format) {
            prop_assert_eq!(walked, parsed, "{}: {:?}", format.as_str(), text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_walker_or_a_parser_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300), other in prop::collection::vec(any::<u8>(), 0..60)
    ) {
        let _ = Format::of("", &bytes);
        for format in Format::ALL {
            let found = inspect(&bytes, format);
            prop_assert!(found.rows.unwrap_or(0) <= bytes.len() as u64);
            let _ = parse(&bytes, format);
            let _ = diff(&bytes, &other, format);
        }
    }
}

#[test]
fn a_megabyte_takes_no_longer_than_its_bytes() {
    for unit in [
        "[",
        "{\"a\":",
        "- ",
        "a: [",
        "\"",
        "'",
        "'''",
        "\"\"\"",
        "[[a]]\n",
        "a:\n",
        " ",
        "#",
        "\n",
        "\r",
        ",",
        "a=[",
        "-----BEGIN A\n",
        "? ",
        "&a ",
        "x: &a\n",
    ] {
        let text = unit.repeat((1 << 20) / unit.len());
        for format in Format::ALL {
            let begun = Instant::now();
            let _ = Format::of("", text.as_bytes());
            let _ = inspect(text.as_bytes(), format);
            assert!(begun.elapsed() < MEGABYTE_MAX, "{unit:?} as {}: {:?}", format.as_str(), begun.elapsed());
        }
    }
}

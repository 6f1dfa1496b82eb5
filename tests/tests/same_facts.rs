//! The crate reports the same facts of a loaded file as `firstbad check` prints for it: format, rows, duplicates, row-set hash and
//! all other counts. A person who checks a file before the push must see what the fleet will report.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_instrument::{Evidence, Format, Live, Origin};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

static CORPUS: Live<()> = Live::new("corpus");

/// One file of the corpus.
struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
}

fn sample(name: &'static str, bytes: impl Into<Vec<u8>>) -> Sample {
    Sample { name, bytes: bytes.into() }
}

/// Lines `1` to `count`, each put in place of `#` in `pattern`.
fn numbered(count: u32, pattern: &str) -> String {
    (1..=count).map(|number| pattern.replace('#', &number.to_string())).collect()
}

fn separated() -> Vec<Sample> {
    let pairs = numbered(40, "f#,0.#\n");
    vec![
        sample("list.csv", numbered(240, "feature_#\n")),
        sample("header.csv", format!("name,weight\n{pairs}")),
        sample("pairs.csv", pairs.clone()),
        sample("twice.csv", format!("name,weight\n{pairs}{pairs}")),
        sample("keys.csv", "id,value\n1,a\n1,b\n2,c\n"),
        sample("blank.csv", "id,value\n1,\n,\n2,b\n"),
        sample("ragged.csv", "id,value\n1,a,x\n2\n3,b\n"),
        sample("comments.csv", format!("# made today\nname,weight\n# old\n{pairs}")),
        sample("crlf.csv", "id;text\r\n1;\"a\r\nb\"\r\n\r\n2;c\r\n"),
        sample("mark.csv", "\u{feff}id,text\n1,ä\n2,ö\n"),
        sample("carriage.csv", "a,b\r1,2\r3,4"),
        sample("pipe.csv", "10.0.0.0/8|deny\n10.1.0.0/16|allow\n"),
        sample("networks.csv", "network,action\n10.0.0.0/8,deny\n192.168.0.0/16,deny\n"),
        sample("quoted.csv", "a,b\n\"x,y\",\"say \"\"hi\"\"\"\n\"x,y\",2\n"),
        sample("header-alone.csv", "name,weight\n"),
        sample("empty.csv", ""),
        sample("list.tsv", "id\tname\n1\ta\n2\tb\n2\tb\n"),
        sample("plain.tsv", "1\ta\n2\tb\n"),
    ]
}

fn documents() -> Vec<Sample> {
    let objects = numbered(20, "{\"id\": #, \"rule\": \"a\\\"b\"}\n");
    let elements = objects.trim().replace('\n', ",\n");
    vec![
        sample("rows.jsonl", objects.clone()),
        sample("twice.jsonl", format!("{objects}{objects}\n")),
        sample("rows.ndjson", objects.clone()),
        sample("rows.json", format!("[{elements}]")),
        sample("inside.json", format!("{{\"version\": 3, \"rows\": [{elements}]}}\n")),
        sample("settings.json", "{\n  \"server\": {\"port\": 80},\n  \"workers\": 4\n}\n"),
        sample("lists.json", "{\"allow\": [1, 2], \"deny\": [3]}\n"),
        sample("numbers.json", "[1, 2, 2, 3]\n"),
        sample("none.json", "[]"),
        sample("list.yaml", "- a\n- b: 1\n  c:\n    - x\n- a\n"),
        sample("inside.yaml", "v: 1\ncountries:\n  - DE\n  - 'NO' # Norway\n\n  # more\n  - SE\n"),
        sample("flow.yaml", "countries: [DE, 'N,O', {a: [1, 2]}]\n"),
        sample("settings.yaml", "server:\n  port: 80\n  # why\n  host: a\n\nworkers: 4\n"),
        sample("lists.yml", "allow:\n  - a\ndeny:\n  - b\n"),
        sample("block.yaml", "- text: |\n    two\n    lines\n- text: one\n"),
        sample("server.toml", "# edge\n[server]\nport = 80\n\n[client]\nport = 80\n"),
        sample("rules.toml", "v = 1\n[[rule]]\na = 1\n[rule.x]\nb = \"\"\"\n[[rule]]\n\"\"\"\n[[rule]]\na = 2\n"),
        sample("deny.toml", "deny = [ # list\n  \"a\",\n  'b]', [1, 2],\n]\n"),
        sample("two.toml", "allow = [1]\ndeny = [2]\n"),
        sample("service.ini", "; unit\n[service]\nexec = a\n\n[install]\nwanted = b\n"),
        sample("repeated.ini", "[a]\nb = c\nb = d\n"),
        sample("old.cfg", "[a]\nb = c\n"),
    ]
}

fn lines() -> Vec<Sample> {
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    vec![
        sample("blocked.txt", numbered(60, "10.0.#.0/24\n")),
        sample("commented.txt", "# head\n\na\nb\n// note\n; note\na\n"),
        sample("filters.list", "! title\n||ads.example^\n||more.example^\n"),
        sample("nested.conf", "a {\n  x;\n}\nb {\n  x;\n}\n"),
        sample("hosts", "127.0.0.1 localhost\n::1 localhost\n"),
        sample("no-end.txt", "a\nb\nc"),
        sample("crlf.txt", "a\r\nb\r\na\r\n"),
        sample("spaces.txt", "  a\n\ta\n a \n"),
        sample("blank.txt", "\n\n\n"),
        sample("empty.txt", ""),
        sample("authorities.pem", format!("CA\n==\n{certificate}{certificate}")),
        sample("one.crt", certificate),
        sample("no-name-list", numbered(12, "feature_#\n")),
        sample("no-name-object", "{\"mode\": \"on\", \"level\": 2}\n"),
        sample("no-name-array", "[\n  {\"a\": 1},\n  {\"a\": 2}\n]\n"),
        sample("no-name-settings", "[server]\nport = 80\nname = \"a\"\n"),
        sample("no-name-pairs", "id,weight\n1,2\n3,4\n"),
        sample("no-name-lists", "- a\n- b\n"),
        sample("page.csv", "<!DOCTYPE html>\n<html>\n<body>502</body>\n</html>\n"),
        sample("nul.txt", "a\0b\nc\n"),
        sample("model.bin", [0_u8, 0xff, 0xfe, 1]),
        sample("table.lua", "return {\n  a = 1,\n  -- note\n  b = 2,\n}\n"),
    ]
}

fn corpus() -> Vec<Sample> {
    separated().into_iter().chain(documents()).chain(lines()).collect()
}

/// The facts that the crate reports of a load, with the keys of `check --format json`.
fn of_crate(loaded: &Evidence) -> Value {
    let counted = loaded.content.as_ref().expect("the crate counts");
    json!({
        "hash": loaded.hash.to_string(), "format": counted.format.as_str(),
        "facts": {
            "rows": counted.rows, "duplicate_rows": counted.duplicate_rows, "duplicate_keys": counted.duplicate_keys,
            "blank_fields": counted.blank_fields, "columns": counted.columns, "ragged_rows": counted.ragged_rows,
            "size": counted.size, "rowset_hash": counted.rowset.map(|hash| hash.to_string()), "header": counted.header,
            "comments": counted.comments, "blank_lines": counted.blank_lines, "settings": counted.settings,
        },
    })
}

fn of_check(path: &Path, declared: Option<Format>) -> Value {
    // A limit that is not reached: binary content can be checked for nothing else.
    let mut command = Command::new(firstbad_tests::firstbad());
    command.arg("check").arg(path).args(["--format", "json", "--limit", "size=1000000"]);
    if let Some(format) = declared {
        command.args(["--rows-as", format.as_str()]);
    }
    let output = command.output().expect("target/*/firstbad is built");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}: {said}", path.display());
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    json!({ "hash": told["hash"], "format": told["format"], "facts": told["facts"] })
}

/// The file as the crate and as `check` see it.
fn both(path: &Path, declared: Option<Format>) -> [Value; 2] {
    let origin = declared.map_or_else(Origin::new, |format| Origin::new().format(format));
    let loaded = CORPUS.load_file_from(path, origin, |_| Ok::<_, String>(())).applied().expect("a load");
    [of_crate(&loaded), of_check(path, declared)]
}

#[test]
fn the_crate_and_check_tell_the_same_of_every_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let corpus = corpus();
    let mut formats: Vec<String> = Vec::new();
    for Sample { name, bytes } in &corpus {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        let [ours, checked] = both(&path, None);
        assert_eq!(ours, checked, "{name}: {}", String::from_utf8_lossy(bytes));
        formats.push(ours["format"].as_str().expect("a format").to_owned());
    }
    assert!(corpus.len() >= 60, "{}", corpus.len());
    for format in [Format::Csv, Format::Tsv, Format::JsonLines, Format::JsonArray, Format::YamlList, Format::Lines]
        .into_iter()
        .chain([Format::Binary, Format::Toml, Format::Ini, Format::Pem])
    {
        assert!(formats.iter().any(|found| found == format.as_str()), "no file is {}", format.as_str());
    }
}

#[test]
fn they_tell_the_same_in_a_declared_format() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("features");
    for (format, text) in [
        (Format::CsvRows, "name,weight\na,1\na,1\n"),
        (Format::CsvHeader, "1,2\n3,4\n"),
        (Format::TsvRows, "name\tweight\na\t1\n"),
        (Format::TsvHeader, "1\t2\n3\t4\n"),
        (Format::Lines, "[1]\n[2]\n"),
        (Format::Binary, "a\nb\n"),
    ] {
        std::fs::write(&path, text).expect("a file");
        let [ours, checked] = both(&path, Some(format));
        assert_eq!(ours, checked, "{text}");
        assert_eq!(ours["format"], format.as_str());
    }
}

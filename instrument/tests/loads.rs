//! Loads as proxies meet them: good, bad, empty, junk, panicking parsers, back and forth. None panics, none takes away
//! what serves, each is written down with its evidence.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Config, Format, Hash, Live, LoadOutcome, Origin, Outcome, record_load};
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::recorder::{EventKind, LoadImage, RecorderImage};
use std::path::PathBuf;
use std::sync::OnceLock;

fn parse(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not text: {error}"))?;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() <= 4, "index out of bounds");
    if lines.contains(&"broken") { Err("line says broken".to_owned()) } else { Ok(text.to_owned()) }
}

/// One recorder for the tests of this binary; each test has configs of its own.
fn recorder() -> PathBuf {
    static RECORDER: OnceLock<PathBuf> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("loads");
            let recorder = firstbad_instrument::init()
                .service("loads")
                .recorder_dir(&directory)
                .mask("Api_Key")
                .previous_hook(firstbad_instrument::PreviousHook::Always)
                .install()
                .unwrap();
            let path = recorder.path().unwrap().to_owned();
            // It lives as long as the process.
            std::mem::forget(recorder);
            path
        })
        .clone()
}

fn loads_of(image: &RecorderImage, name: &str) -> Vec<LoadImage> {
    let place = image.configs.iter().find(|config| config.name == name).unwrap().place;
    let load = |kind: &EventKind| match kind {
        EventKind::Load(load) if load.config == place && load.result.is_some() => Some((**load).clone()),
        _ => None,
    };
    image.events.iter().filter_map(|event| load(&event.kind)).collect()
}

fn results(image: &RecorderImage, name: &str) -> Vec<(LoadResult, Option<String>)> {
    loads_of(image, name).into_iter().map(|load| (load.result.unwrap(), load.reason)).collect()
}

#[test]
fn a_refusal_keeps_what_serves_and_says_why() {
    static CONFIG: Live<String> = Live::new("refusals").limit("rows", 3);
    let path = recorder();
    let load = |bytes: &[u8]| CONFIG.load_bytes(bytes, &Origin::new(), parse);
    assert!(matches!(load(b"broken"), LoadOutcome::Rejected(refusal) if refusal.serving.is_none()));
    assert!(CONFIG.pin().is_none());
    let good = load(b"a\nb\n");
    assert!(matches!(&good, LoadOutcome::Applied(evidence) if evidence.findings.is_empty()), "{good:?}");
    for (bytes, reason) in [(&b"broken"[..], "parse"), (b"\xff\xfe", "parse"), (b"1\n2\n3\n4\n5\n", "parser_panic")] {
        let LoadOutcome::KeptLastGood(refusal) = load(bytes) else { panic!("kept") };
        assert_eq!((refusal.reason.as_str(), refusal.serving), (reason, good.tag()));
        assert_eq!(CONFIG.pin().unwrap().as_str(), "a\nb\n");
    }
    let refused = load(b"broken").applied().unwrap_err().to_string();
    assert!(refused.contains("parse") && refused.contains("previous version goes on serving"), "{refused}");
    let image = common::image_of(&path);
    let told = results(&image, "refusals");
    assert_eq!(told[0], (LoadResult::Rejected, Some("parse".into())));
    assert_eq!(told[4], (LoadResult::KeptLastGood, Some("parser_panic".into())));
    let last = loads_of(&image, "refusals").pop().unwrap();
    assert_eq!((last.error.as_deref(), last.previous), (Some("line says broken"), Some(Hash::of(b"a\nb\n"))));
}

#[test]
fn a_limit_is_observed_and_enforced_only_where_the_proxy_says_so() {
    static SOFT: Live<String> = Live::new("soft").limit("rows", 2);
    static HARD: Live<String> = Live::new("hard").limit("rows", 2).reject_over();
    let path = recorder();
    let (large, small) = (b"a\nb\na\n", b"a\nb\n");
    let LoadOutcome::Applied(evidence) = SOFT.load_bytes(large, &Origin::new(), parse) else { panic!("observed only") };
    assert_eq!(evidence.findings[0], "rows = 3 exceeds the declared limit of 2");
    assert!(evidence.findings[1].contains("1 rows repeat an earlier row, first \"a\" on lines 1 and 3"));
    let LoadOutcome::Applied(evidence) = HARD.load_bytes(small, &Origin::new(), parse) else { panic!("fits") };
    assert_eq!(evidence.findings, ["rows = 2 is at 100 % of the declared limit of 2"]);
    let LoadOutcome::KeptLastGood(refusal) = HARD.load_bytes(large, &Origin::new(), parse) else { panic!("enforced") };
    assert_eq!((refusal.reason.as_str(), refusal.serving), ("limit", evidence.tag));
    let image = common::image_of(&path);
    assert_eq!(results(&image, "hard")[1], (LoadResult::KeptLastGood, Some("limit".into())));
    assert_eq!(loads_of(&image, "soft")[0].facts.duplicate_rows, Some(1));
}

#[test]
fn back_and_forth_a_version_stays_itself() {
    static CONFIG: Live<String> = Live::new("back-and-forth");
    let path = recorder();
    let load = |text: &str| {
        let outcome = CONFIG.load_bytes(text.as_bytes(), &Origin::new(), parse);
        outcome.tag().record(Outcome::Ok);
        outcome
    };
    let first = load("A");
    assert!(load("B").hash().is_some());
    let again = load("A");
    assert_eq!(first.hash(), again.hash());
    assert_ne!(first.tag(), again.tag(), "a new epoch of the same version");
    assert!(matches!(load("A"), LoadOutcome::Unchanged(_)));
    first.tag().record(Outcome::Error);
    assert!(matches!(load("broken"), LoadOutcome::KeptLastGood(_)));
    assert!(matches!(load("A"), LoadOutcome::Unchanged(_)));
    let image = common::image_of(&path);
    let of = |text: &str| {
        let hash = Some(Hash::of(text.as_bytes()));
        image
            .versions
            .iter()
            .find(|version| version.hash == hash && image.config(version.config).unwrap().name == "back-and-forth")
            .unwrap()
    };
    // Three requests under A before the refusal, one for the refusal (A serves), one after it.
    assert_eq!((of("A").outcomes.ok, of("A").outcomes.error, of("B").outcomes.ok), (5, 1, 1));
    let previous: Vec<_> = loads_of(&image, "back-and-forth").iter().map(|load| load.previous).collect();
    assert_eq!(previous[..3], [None, first.hash(), Some(Hash::of(b"B"))]);
}

#[test]
fn a_loader_of_the_proxys_own_is_tagged_all_the_same() {
    static RULES: Config = Config::new("rules").limit("rows", 1);
    let path = recorder();
    let origin = Origin::new().name("rules.csv").label("r1").source("gen-3").generation(-4);
    let tag = record_load(&RULES, b"name,type\nx,y\nx,y\n", &origin, Ok(()));
    assert_eq!(tag.hash(), Some(Hash::of(b"name,type\nx,y\nx,y\n")));
    assert_eq!(record_load(&RULES, b"bad", &origin, Err(("schema", "no column"))), tag);
    let attempt = RULES.loading_hash(Hash::of(b"elsewhere"), &Origin::new().counter("rows", 7));
    assert!(attempt.exceeds_a_limit());
    drop(attempt);
    let image = common::image_of(&path);
    let told = loads_of(&image, "rules");
    assert_eq!((told[0].facts.rows, told[0].facts.columns, told[0].facts.generation), (Some(2), Some(2), Some(-4)));
    assert_eq!((told[0].label.as_deref(), told[0].source.as_deref()), (Some("r1"), Some("gen-3")));
    let reasons: Vec<_> = told.iter().map(|load| load.reason.as_deref()).collect();
    assert_eq!(reasons, [None, Some("schema"), Some("abandoned")]);
    let rules = image.configs.iter().find(|config| config.name == "rules").unwrap();
    assert_eq!((rules.loading, rules.last_load_refused), (None, true));
}

#[test]
fn files_are_hashed_as_parsed_and_kept_once() {
    static CONFIG: Live<String> = Live::new("files");
    let path = recorder();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("features.csv");
    let missing = CONFIG.load_file(&file, parse);
    assert!(matches!(&missing, LoadOutcome::Rejected(refusal) if refusal.reason == "io" && refusal.hash.is_none()));
    std::fs::write(&file, "").unwrap();
    let LoadOutcome::Applied(empty) = CONFIG.load_file(&file, parse) else { panic!("an empty file is a file") };
    assert_eq!(empty.findings, ["the file is empty"]);
    std::fs::write(&file, "name\nx\n").unwrap();
    let outcome = CONFIG.load_file_from(&file, Origin::new().format(Format::Csv), |bytes| {
        // Replaced while it is being parsed: the hash is that of what is parsed.
        std::fs::write(&file, "name\ny\n").unwrap();
        parse(bytes)
    });
    assert_eq!(outcome.hash(), Some(Hash::of(b"name\nx\n")));
    let kept = path.parent().unwrap().join("content").join(Hash::of(b"name\nx\n").hex());
    assert_eq!(std::fs::read(kept).unwrap(), b"name\nx\n");
    // What a rule names is hidden in what is kept; the hash is that of the real bytes.
    let secret = b"name,api_key\nx,hunter2\n";
    let hash = CONFIG.load_bytes(secret, &Origin::new().format(Format::Csv), parse).hash().unwrap();
    assert_eq!(hash, Hash::of(secret));
    let contents = path.parent().unwrap().join("content");
    assert_eq!(std::fs::read(contents.join(format!("{}.masked", hash.hex()))).unwrap(), b"name,api_key\nx,***\n");
    assert!(!contents.join(hash.hex()).exists());
    let image = common::image_of(&path);
    let config = image.configs.iter().find(|config| config.name == "files").unwrap();
    assert_eq!(config.unreadable, (0, 1));
}

/// Two hosts' renderings of one template.
const RENDERINGS: [&str; 2] = [
    "# for a1\n[server]\nhost = \"a1\"\nport = 8080\nworkers = 4\n",
    "# for b2\n[server]\nhost = \"b2\"\nport = 9090\nworkers = 4\n",
];

#[test]
fn renderings_of_one_template_share_revision_and_row_set_hash() {
    static LISTEN: Live<String> = Live::new("listen").ignore_lines(&["host =", "port ="]);
    let path = recorder();
    let load = |text: &str| {
        let origin = Origin::new().name("listen.toml").revision("9f2c1e7");
        LISTEN.load_bytes(text.as_bytes(), &origin, |bytes| String::from_utf8(bytes.to_vec())).applied().unwrap()
    };
    let loaded = RENDERINGS.map(load);
    assert_ne!(loaded[0].hash, loaded[1].hash);
    let loads = loads_of(&common::image_of(&path), "listen");
    assert_eq!(loads.len(), 2);
    assert!(loads.iter().all(|load| load.revision.as_deref() == Some("9f2c1e7")), "{loads:#?}");
    assert!(loads[0].facts.rowset.is_some() && loads[0].facts.rowset == loads[1].facts.rowset);
    // The controls: another setting is another row set, and without a declaration the lines count.
    let changed = load(&RENDERINGS[0].replace("workers = 4", "workers = 5"));
    assert_ne!(changed.content.unwrap().rowset, loads[0].facts.rowset);
    static PLAIN: Config = Config::new("listen-plain");
    let rowsets = RENDERINGS.map(|text| {
        let attempt = PLAIN.loading(text.as_bytes(), &Origin::new().format(Format::Toml));
        let rowset = attempt.content().unwrap().rowset;
        attempt.applied();
        rowset
    });
    assert_ne!(rowsets[0], rowsets[1]);
}

#[test]
fn rows_are_counted_by_the_declared_format_then_the_name_then_the_content() {
    static LIST: Config = Config::new("list-of-240");
    let list: String = (1..=240).map(|i| format!("feature_{i}\n")).collect();
    let rows = |text: &str, origin: Origin| {
        let attempt = LIST.loading(text.as_bytes(), &origin);
        let rows = attempt.content().unwrap().rows;
        attempt.applied();
        rows
    };
    recorder();
    let csv = || Origin::new().name("features.csv");
    assert_eq!(rows(&list, csv()), Some(240));
    assert_eq!(rows(&format!("name\n{list}"), csv()), Some(240));
    assert_eq!(rows(&list, csv().format(Format::CsvHeader)), Some(239), "a declaration wins");
    assert_eq!(rows("[server]\nport = 80\n[client]\nport = 80\n", Origin::new()), None, "settings are no rows");
    assert_eq!(rows("countries:\n  - DE\n  - 'NO'\n", Origin::new()), Some(2));
}

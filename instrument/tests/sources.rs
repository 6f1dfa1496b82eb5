//! One version made of several inputs, as `config` and `figment` merge them: a change in any of them is another version.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use config::{Config as Merged, ConfigError, File, FileFormat};
use figment::Figment;
use figment::providers::{Format, Json};
use firstbad_instrument::{Config, Content, Hash, Live, LoadOutcome, Origin};
use firstbad_protocol::load::LoadResult;

fn start(directory: &std::path::Path) {
    let init = firstbad_instrument::init().service("edge").recorder_dir(directory).content(Content::Full);
    std::mem::forget(init.install().unwrap());
}

fn load(live: &Live<i64>, base: &str, overlay: &str) -> LoadOutcome {
    let origin = Origin::new().name("base.toml").also("production.toml", overlay);
    live.load_bytes(base.as_bytes(), &origin, |base| {
        let text = String::from_utf8_lossy(base);
        let merged = Merged::builder().add_source(File::from_str(&text, FileFormat::Toml));
        let merged = merged.add_source(File::from_str(overlay, FileFormat::Toml)).build()?;
        Ok::<_, ConfigError>(merged.get_int("port")? * merged.get_int("workers")?)
    })
}

#[test]
fn an_overlay_of_config_is_part_of_the_version() {
    static SETTINGS: Live<i64> = Live::new("settings");
    let directory = tempfile::tempdir().unwrap();
    start(directory.path());
    let base = "port = 80\nworkers = 2\n";
    let first = load(&SETTINGS, base, "port = 8080\n").applied().unwrap();
    assert_eq!(*SETTINGS.pin().unwrap(), 16_160);
    let document = format!("{base}\n# production.toml: 12 bytes\nport = 8080\n");
    assert_eq!(first.hash, Hash::of(document.as_bytes()));
    let content = first.content.unwrap();
    assert_eq!((content.size, content.rowset), (document.len() as u64, None));
    let kept = std::fs::read(directory.path().join("content").join(first.hash.hex())).unwrap();
    assert_eq!(kept, document.as_bytes(), "what is kept has the version's hash");
    assert_eq!(load(&SETTINGS, base, "port = 8080\n").result(), LoadResult::Unchanged);
    let second = load(&SETTINGS, base, "port = 8081\n").applied().unwrap();
    assert_eq!((*SETTINGS.pin().unwrap(), second.previous), (16_162, Some(first.hash)));
    let refused = load(&SETTINGS, base, "port = \n");
    assert_eq!((refused.result(), refused.refusal().unwrap().serving), (LoadResult::KeptLastGood, second.tag));
    // The same text, cut otherwise, and the same inputs under other names.
    let cut = load(&SETTINGS, "port = 80\n", "workers = 2\n").hash();
    assert_ne!(cut, load(&SETTINGS, "", "port = 80\nworkers = 2\n").hash());
    let named = |name: &str| SETTINGS.config().loading(b"", &Origin::new().also(name, "x")).hash();
    assert_ne!(named("a"), named("b"));
    assert_ne!(
        named("a: 1 bytes\nx"),
        SETTINGS.config().loading(b"", &Origin::new().also("a", "").also("x", "x")).hash()
    );
}

#[test]
fn the_sources_of_figment_are_one_version_in_a_proxys_own_storage() {
    static LIMITS: Config = Config::new("figment-limits");
    let load = |base: &str, local: &str| {
        let origin = Origin::new().name("base.json").also("local.json", local);
        LIMITS.load(base.as_bytes(), &origin, |base| {
            let merged = Figment::new().merge(Json::string(&String::from_utf8_lossy(base))).merge(Json::string(local));
            merged.extract_inner::<u32>("requests_max").map_err(Box::new)
        })
    };
    let loaded = load(r#"{"requests_max": 10}"#, r#"{"requests_max": 20}"#).unwrap();
    assert_eq!(loaded.value, 20);
    let refused = load(r#"{"requests_max": 10}"#, r#"{"requests_max": "many"}"#).unwrap_err();
    assert!(refused.to_string().contains("requests_max"), "{refused}");
    assert!(refused.error.is_some());
}

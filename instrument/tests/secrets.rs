//! A thousand planted secrets in ten formats: none of them in kept contents, in exported log events, or in the recorder's
//! bytes, although every parser quotes its input in errors and panics. The same search finds them with `Content::Full`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Content, Hash, Live, Origin, PreviousHook, export};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

static CONFIG: Live<u8> = Live::new("planted");

/// Formats, and secrets in each.
const FORMATS: usize = 10;
const PER_FORMAT: usize = 100;

/// SplitMix64: the same secrets for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn of(&mut self, alphabet: &str, length: usize) -> String {
        (0..length).map(|_| char::from(alphabet.as_bytes()[self.below(alphabet.len())])).collect()
    }
}

const WORD: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const BASE64: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
/// Signs that people put into passwords, and that no format here needs to escape.
const SIGNS: &str = "abcdefghkmnpqrstuvwxyz23456789!@$%^*.~+-_";

/// One file, with the secrets in it.
struct File {
    name: &'static str,
    text: String,
    secrets: Vec<String>,
}

/// A secret of one kind or another. It begins with letters, so that no format takes it for something else.
fn secret(random: &mut Random) -> String {
    let length = 12 + random.below(20);
    match random.below(4) {
        0 => format!("q{}", random.of(WORD, length)),
        1 => format!("q{}7z", random.of(SIGNS, length)),
        2 => format!("q{}==", random.of(BASE64, length)),
        _ => format!("q{}", random.of("abcdefghijklmnopqrstuvwxyz", length)),
    }
}

fn pem(random: &mut Random, secrets: &mut Vec<String>) -> Vec<String> {
    let lines: Vec<String> = (0..4).map(|_| random.of(BASE64, 64)).collect();
    secrets.extend(lines.iter().cloned());
    let mut block = vec!["-----BEGIN RSA PRIVATE KEY-----".to_owned()];
    block.extend(lines);
    block.push("-----END RSA PRIVATE KEY-----".to_owned());
    block
}

/// A secret in the form in which its issuer writes it.
fn issued(random: &mut Random) -> String {
    match random.below(6) {
        0 => format!("AKIA{}", random.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        1 => format!("ghp_{}", random.of(WORD, 36)),
        2 => format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", random.of(WORD, 40), random.of(WORD, 43)),
        3 => format!("glpat-{}", random.of(WORD, 20)),
        4 => format!("xoxb-{}-{}", random.of("0123456789", 12), random.of(WORD, 24)),
        _ => format!("sk_live_{}", random.of(WORD, 24)),
    }
}

/// Writes entries until the file holds its share of secrets.
fn file(
    name: &'static str,
    random: &mut Random,
    mut entry: impl FnMut(&mut Random, &mut Vec<String>, usize) -> String,
) -> File {
    let (mut text, mut secrets) = (String::new(), Vec::new());
    let mut number = 0;
    while secrets.len() < PER_FORMAT {
        text.push_str(&entry(random, &mut secrets, number));
        number += 1;
    }
    File { name, text, secrets }
}

fn plant(random: &mut Random, secrets: &mut Vec<String>) -> String {
    let secret = secret(random);
    secrets.push(secret.clone());
    secret
}

fn toml(random: &mut Random) -> File {
    file("a.toml", random, |random, secrets, number| match number % 4 {
        0 => format!("db_password_{number} = \"{}\"\nrows_{number} = {number}\n", plant(random, secrets)),
        1 => {
            let (first, second) = (plant(random, secrets), plant(random, secrets));
            format!("auth_tokens_{number} = [\n  \"{first}\",  # it's old\n  '{second}',\n]\n")
        }
        2 => format!("key_{number}_private_key = \"\"\"\n{}\n\"\"\"\n", pem(random, secrets).join("\n")),
        _ => format!(
            "[service-{number}.secrets]\nci = \"{}\"\n[service-{number}.limits]\nrows = 200\n",
            plant(random, secrets)
        ),
    })
}

fn yaml(random: &mut Random) -> File {
    file("b.yaml", random, |random, secrets, number| match number % 6 {
        0 => format!("password_{number}: {}\n", plant(random, secrets)),
        1 => format!("tokens_{number}:\n  - {}\n  - \"{}\"\n", plant(random, secrets), plant(random, secrets)),
        2 => format!("web_{number}:\n  tls_private_key: |\n    {}\n  port: 80\n", pem(random, secrets).join("\n    ")),
        3 => format!("api_secret_{number}: >-\n  {}\n  {}\n", plant(random, secrets), plant(random, secrets)),
        4 => {
            format!("env_{number}:\n- name: DB_PASSWORD\n  value: {}\n- name: N\n  value: 1\n", plant(random, secrets))
        }
        _ => format!(
            "credentials_{number}:\n  user: {}\n  deep:\n    more: '{}'\n",
            plant(random, secrets),
            plant(random, secrets)
        ),
    })
}

fn json(random: &mut Random) -> File {
    let mut found = file("c.json", random, |random, secrets, number| match number % 4 {
        0 => format!("  \"token_{number}\": \"{}\",\n", plant(random, secrets)),
        1 => format!("  \"tokens_{number}\": [\"{}\", \"{}\"],\n", plant(random, secrets), plant(random, secrets)),
        2 => format!(
            "  \"secret_{number}\": {{\"a\": \"{}\", \"b\": {{\"c\": [\"{}\"]}}}},\n",
            plant(random, secrets),
            plant(random, secrets)
        ),
        _ => format!("  \"pem_{number}\": \"{}\\n\",\n", pem(random, secrets).join("\\n")),
    });
    found.text = format!("{{\n{}  \"rows\": 200\n}}\n", found.text);
    found
}

fn minified(random: &mut Random) -> File {
    let mut found = file("d.json", random, |random, secrets, number| {
        format!(
            "{{\"n\":{number},\"apiKey\":\"{}\",\"tokens\":[\"{}\"]}},",
            plant(random, secrets),
            plant(random, secrets)
        )
    });
    found.text = format!("[{}{{}}]", found.text);
    found
}

fn environment(random: &mut Random) -> File {
    file("e.env", random, |random, secrets, number| match number % 3 {
        0 => format!("export DB_PASS_{number}_PASSWORD={}\n", plant(random, secrets)),
        1 => format!("ACME_API_KEY_{number}=\"{}\"\nROWS_{number}=200\n", plant(random, secrets)),
        _ => format!("# OLD_TOKEN_{number}={}\n", plant(random, secrets)),
    })
}

fn ini(random: &mut Random) -> File {
    file("f.ini", random, |random, secrets, number| match number % 3 {
        0 => format!("[db-{number}]\nuser = web\npassword = {}\n", plant(random, secrets)),
        1 => format!("[auth token {number}]\nci = {}\n", plant(random, secrets)),
        _ => format!(
            "[list-{number}]\nsecrets =\n    {}\n    {}\nrows = 200\n",
            plant(random, secrets),
            plant(random, secrets)
        ),
    })
}

fn csv(random: &mut Random) -> File {
    let mut found = file("g.csv", random, |random, secrets, number| {
        format!("feature_{number},\"{}\",{number}\n", plant(random, secrets))
    });
    found.text = format!("name,api_key,n\n{}", found.text);
    found
}

fn urls(random: &mut Random) -> File {
    file("h.conf", random, |random, secrets, number| match number % 3 {
        0 => format!(
            "upstream_{number} https://web:{}@origin-{number}.test/path\n",
            plant(random, secrets).replace(['+', '/'], "x")
        ),
        1 => format!("dsn postgres://web:{}@db-{number}:5432/x\n", plant(random, secrets)),
        _ => format!("probe_{number} http://h/?n=1&access_token={}&x=2\n", plant(random, secrets).replace('&', "x")),
    })
    .replanted()
}

fn headers(random: &mut Random) -> File {
    file("i.conf", random, |random, secrets, number| match number % 4 {
        0 => format!("proxy_set_header Authorization \"Bearer {}\";\n", plant(random, secrets)),
        1 => format!("password {}\nrows 200\n", plant(random, secrets)),
        2 => format!("run --token {} --rows 200\n", plant(random, secrets)),
        _ => format!("<account><password>{}</password><rows>200</rows></account>\n", plant(random, secrets)),
    })
}

fn issuers(random: &mut Random) -> File {
    file("j.txt", random, |random, secrets, number| {
        let issued = issued(random);
        secrets.push(issued.clone());
        format!("entry {number} uses {issued} since then\n")
    })
}

impl File {
    /// URLs take no signs that end them: what stands in the text is what was planted.
    fn replanted(mut self) -> Self {
        let text = self.text.clone();
        let plain = |secret: &String| secret.replace(['+', '/'], "x");
        self.secrets =
            self.secrets.iter().map(|found| if text.contains(found) { found.clone() } else { plain(found) }).collect();
        self
    }
}

fn files(seed: u64) -> Vec<File> {
    let random = &mut Random(seed);
    let files = vec![
        toml(random),
        yaml(random),
        json(random),
        minified(random),
        environment(random),
        ini(random),
        csv(random),
        urls(random),
        headers(random),
        issuers(random),
    ];
    assert_eq!(files.len(), FORMATS);
    for file in &files {
        assert!(
            file.secrets.iter().all(|secret| file.text.contains(secret)),
            "{}: each is where it was planted",
            file.name
        );
    }
    files
}

/// Takes every report and keeps its bytes.
fn receiver() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&taken);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body).unwrap();
            kept.lock().unwrap().extend(body);
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    (url, taken)
}

/// Loads every file with parsers that quote it: in an error, in a panic, in a label; line by line, and value by value.
fn proxy(seed: u64, directory: &Path) -> Vec<u8> {
    let content = match common::mode().as_deref() {
        Some("full") => Content::Full,
        Some("off") => Content::Off,
        _ => Content::Masked,
    };
    let recorder = firstbad_instrument::init()
        .service("planted")
        .recorder_dir(directory)
        .content(content)
        .previous_hook(PreviousHook::Never)
        .install()
        .unwrap();
    let (url, taken) = receiver();
    let exporter = export::to(url).bytes_per_second(1 << 30).start().unwrap();
    for file in files(seed) {
        let load = |label: &str, parse: &dyn Fn() -> Result<u8, String>| {
            let origin = Origin::new().name(file.name).label(label);
            let _ = CONFIG.load_bytes(file.text.as_bytes(), &origin, |_| parse());
        };
        for (number, secret) in file.secrets.iter().enumerate() {
            let line = file.text.lines().find(|line| line.contains(secret.as_str())).unwrap_or_default();
            let line: String = line.chars().take(900).collect();
            match number % 4 {
                0 => load("1", &|| Err(format!("line {number}: cannot parse `{line}`"))),
                1 => load("1", &|| Err(format!("invalid type: string {secret:?}, expected u16"))),
                2 => load(secret, &|| panic!("line {number}: {line}")),
                _ => load("1", &|| panic!("called `Result::unwrap()` on an `Err` value: Value(\"{secret}\")")),
            }
            // The rings are small: each event is sent before it is overwritten.
            if number % 16 == 15 {
                assert!(exporter.flush(Duration::from_secs(20)));
            }
        }
    }
    assert!(exporter.flush(Duration::from_secs(20)));
    let mut bytes = taken.lock().unwrap().clone();
    bytes.extend(std::fs::read(recorder.path().unwrap()).unwrap());
    bytes
}

/// Secrets that stand in `bytes`.
fn found<'a>(bytes: &[u8], secrets: &'a BTreeSet<String>) -> Vec<&'a str> {
    let text = String::from_utf8_lossy(bytes);
    // In JSON, a slash and a quote may be escaped; the exporter escapes neither.
    secrets.iter().filter(|secret| text.contains(secret.as_str())).map(String::as_str).collect()
}

/// Each secret with the bytes around its first place.
fn where_they_stand(bytes: &[u8], leaked: &[&str]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let around = |secret: &&str| {
        let (before, after) = text.split_once(secret)?;
        let before: String = before.chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
        Some(format!("{before}>>{secret}<<{}", after.chars().take(30).collect::<String>()))
    };
    leaked.iter().filter_map(around).collect()
}

#[test]
fn no_planted_secret_leaves_the_process_and_the_same_search_finds_them_without_masks() {
    const NAME: &str = "no_planted_secret_leaves_the_process_and_the_same_search_finds_them_without_masks";
    let seed = std::env::var("FIRSTBAD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(14);
    if common::mode().is_some() {
        let directory = std::env::var("FIRSTBAD_RECORDER_DIR").unwrap();
        let bytes = proxy(seed, Path::new(&directory));
        std::fs::write(Path::new(&directory).join("sent"), bytes).unwrap();
        return;
    }
    println!("seed {seed} (FIRSTBAD_SEED)");
    let files = files(seed);
    let secrets: BTreeSet<String> = files.iter().flat_map(|file| file.secrets.iter().cloned()).collect();
    assert!(secrets.len() >= FORMATS * PER_FORMAT, "{} secrets", secrets.len());
    // One directory: what the first leaves there, the others must hide or remove.
    let directory = tempfile::tempdir().unwrap();
    for mode in ["full", "masked", "off"] {
        let output = common::finish(common::child(NAME, mode, directory.path()));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Its recorder is told by the next process as it is: this is about contents.
        for recorder in common::recorders(directory.path()) {
            std::fs::remove_file(recorder).unwrap();
        }
        let sent = found(&std::fs::read(directory.path().join("sent")).unwrap(), &secrets).len();
        let mut kept = Vec::new();
        let mut masked_names = 0;
        for entry in std::fs::read_dir(directory.path().join("content")).unwrap().flatten() {
            masked_names += usize::from(entry.file_name().to_string_lossy().ends_with(".masked"));
            kept.extend(std::fs::read(entry.path()).unwrap());
        }
        let in_contents = found(&kept, &secrets);
        println!(
            "{mode}: {} of {} secrets in contents, {sent} in events and recorder",
            in_contents.len(),
            secrets.len()
        );
        if mode == "full" {
            assert_eq!((in_contents.len(), masked_names), (secrets.len(), 0), "the search finds what is there");
            assert!(sent * 10 > secrets.len() * 9, "events and recorder hold nearly all: {sent}");
            continue;
        }
        let expected = if mode == "off" { 0 } else { FORMATS };
        assert_eq!(masked_names, expected, "{mode}: each file holds secrets");
        assert!(in_contents.is_empty(), "in contents: {in_contents:#?}");
        let sent = std::fs::read(directory.path().join("sent")).unwrap();
        let leaked = found(&sent, &secrets);
        assert!(leaked.is_empty(), "in events or the recorder: {:#?}", where_they_stand(&sent, &leaked));
        for file in files.iter().filter(|_| mode == "masked") {
            let path =
                directory.path().join("content").join(format!("{}.masked", Hash::of(file.text.as_bytes()).hex()));
            let text = std::fs::read_to_string(path).unwrap();
            assert_eq!(text.lines().count(), file.text.lines().count(), "{}: lines stay lines", file.name);
        }
    }
}

#[test]
fn the_generator_plants_what_it_says() {
    let mut told = String::new();
    for file in files(1) {
        let _ = write!(told, "{} {}; ", file.name, file.secrets.len());
    }
    assert_eq!(files(1)[0].text, files(1)[0].text, "the same seed, the same files");
    assert_ne!(files(1)[0].text, files(2)[0].text);
    println!("{told}");
}

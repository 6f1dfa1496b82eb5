//! The command line as scripts meet it: exit codes, what goes to which stream, and errors that name what was attempted,
//! with which value, and what to do next.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const GOOD: &str = "name,type\na,Float64\nb,Float64\nc,Float64\n";
const BAD: &str = "name,type\na,Float64\na,Float64\nb,Float64\nb,Float64\nc,Float64\nc,Float64\n";

/// The binary without anything of the caller's that could change what it does.
fn firstbad(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firstbad"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FIRSTBAD_")) {
        command.env_remove(name);
    }
    command.current_dir(directory).env("FIRSTBAD_COLLECTOR", "http://127.0.0.1:1");
    command
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn run(arguments: &[&str]) -> Said {
    let directory = tempfile::tempdir().expect("directory");
    for (name, text) in [
        ("good.csv", GOOD),
        ("bad.csv", BAD),
        ("empty.csv", ""),
        ("hostile", "\u{1b}]52;c;x\u{7}\n\u{1b}]52;c;x\u{7}\n"),
    ] {
        std::fs::write(directory.path().join(name), text).expect("write");
    }
    said(firstbad(directory.path()).args(arguments).output().expect("the binary runs"))
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn check_finds_what_would_break_a_reader_and_nothing_else() {
    let clean = run(&["check", "good.csv", "--limit", "rows=4"]);
    assert_eq!((clean.code, clean.out.ends_with("clean\n")), (Some(0), true), "{}", clean.out);
    let found = run(&["check", "bad.csv", "--limit", "rows=4", "--against", "good.csv"]);
    assert_eq!(found.code, Some(1));
    for wanted in [
        "limit: rows 6 > limit 4",
        "duplicates: 3 rows repeat",
        "size: 6 rows, was 3 (200%)",
        "lines 2 and 3: a,Float64",
    ] {
        assert!(found.out.contains(wanted), "{wanted}: {}", found.out);
    }
    let known = run(&["check", "bad.csv", "--against", "bad.csv"]);
    assert_eq!(known.code, Some(0), "what was already so is no finding: {}", known.out);
    assert_eq!(run(&["check", "empty.csv"]).code, Some(1));
}

#[test]
fn where_no_collector_answers_the_hint_says_how_to_start_one() {
    // No collector is named. One of this machine may answer at the usual address.
    let directory = tempfile::tempdir().expect("directory");
    let usual = |arguments: &[&str]| {
        let mut command = firstbad(directory.path());
        said(command.env_remove("FIRSTBAD_COLLECTOR").args(arguments).output().expect("the binary runs"))
    };
    let (answers, shown) = (!usual(&["status"]).err.contains("no collector answers"), usual(&[]));
    assert_eq!(shown.code, Some(2));
    let hint = if answers {
        "hint: for scripts: firstbad status"
    } else {
        "`firstbad collect &` starts one; then firstbad status"
    };
    assert!(shown.err.contains("needs a terminal") && shown.err.contains(hint), "{}", shown.err);
}

#[test]
fn check_as_json_gives_facts_and_findings() {
    let found = json(&run(&["check", "bad.csv", "--limit", "rows=4", "--format", "json"]).out);
    assert_eq!(found.pointer("/facts/rows"), Some(&6.into()));
    assert_eq!(found.pointer("/facts/duplicate_rows"), Some(&3.into()));
    assert_eq!(found.pointer("/clean"), Some(&false.into()));
    assert_eq!(found.pointer("/findings/0/kind"), Some(&"limit".into()));
}

#[test]
fn diff_tells_same_from_different_like_diff_does() {
    assert_eq!(run(&["diff", "good.csv", "good.csv"]).code, Some(0));
    let different = run(&["diff", "good.csv", "bad.csv"]);
    assert_eq!(different.code, Some(1));
    assert!(different.out.contains("x 1 -> 2 times: a,Float64"), "{}", different.out);
    let object = json(&run(&["diff", "good.csv", "bad.csv", "--format", "json"]).out);
    assert_eq!(object.pointer("/counts/repeated"), Some(&3.into()));
}

#[test]
fn no_file_can_act_on_the_terminal() {
    for arguments in
        [["check", "hostile"].as_slice(), &["diff", "good.csv", "hostile"], &["diff", "hostile", "good.csv"]]
    {
        let said = run(arguments);
        assert!(said.out.contains("u{1b}") && !said.out.contains('\u{1b}'), "{arguments:?}: {}", said.out);
    }
    let refused = run(&["check", "\u{1b}]0;x\u{7}"]);
    assert!(refused.code == Some(2) && !refused.err.contains('\u{1b}'), "{}", refused.err);
}

#[test]
fn trouble_is_exit_code_2_and_says_what_next() {
    let cases: [(&[&str], &[&str]); 17] = [
        (&["check", "nope.csv"], &["nope.csv", "hint: give a file"]),
        (&["check", "good.csv", "--limit", "rows=many"], &["rows=many", "rows=200"]),
        (&["check", "good.csv", "--limit", "colour=3"], &["colour=3", "duplicate_rows"]),
        (&["diff", "good.csv", "nothing"], &["`nothing` is neither a file nor a hash", "hint:"]),
        (&["diff", "good.csv", "abcdef012345"], &["http://127.0.0.1:1", "hint: start one"]),
        (&["status"], &["http://127.0.0.1:1", "firstbad collect"]),
        (&["report", "latest"], &["http://127.0.0.1:1"]),
        (&["diagnose", "nope.jsonl"], &["nope.jsonl", "hint: a capture is"]),
        (&["recorder", "dump", "good.csv"], &["good.csv", "hint: `firstbad recorder list`"]),
        (&["playbook", "show", "nope"], &["`nope`", "firstbad playbook list"]),
        (&["--data-dir", "x", "status"], &["--data-dir stands before `status`", "hint:"]),
        (&["explain", "bad.csv", "--verify"], &["bundle", "hint:"]),
        (&["explain", "bad.csv"], &["bad.csv: it is no bundle: ", "hint: a bundle is"]),
        (&["diff", "-", "-"], &["standard input is one", "hint:"]),
        (&["recorder", "dump", "empty.csv"], &["empty.csv", "offset 0", "hint:"]),
        (&["diagnose", "good.csv"], &["good.csv", "line 1", "hint: a capture is"]),
        (
            &["diagnose", "good.csv", "--from", "2025-11-18T12:00:00Z", "--to", "2025-11-18T11:00:00Z"],
            &["2025-11-18T12:00:00Z is later than 2025-11-18T11:00:00Z", "hint: --from T comes first"],
        ),
    ];
    for (arguments, wanted) in cases {
        let said = run(arguments);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{arguments:?}: {}", said.err);
        for text in wanted {
            assert!(said.err.contains(text), "{arguments:?}: `{text}` is missing in {}", said.err);
        }
    }
}

#[test]
fn a_broken_input_is_trouble_that_names_file_and_place() {
    let directory = tempfile::tempdir().expect("directory");
    let cases: [(&str, &[u8], &[&str], &str); 6] = [
        ("bytes.csv", b"name,type\na,\xff\xfe\x00\n", &["check", "bytes.csv"], "line 2 (byte 12) is not UTF-8"),
        ("cut.jsonl", b"{\"a\":1}\n{\"a\":\n", &["check", "cut.jsonl"], "line 2, column 5"),
        ("cut.json", b"[1,\n2", &["check", "cut.json"], "line 2, column 1"),
        ("bytes", b"a\xff\nb\n", &["check", "bytes", "--rows-as", "lines"], "line 1 (byte 1) is not UTF-8"),
        ("other.csv", b"a,b\n\xff", &["diff", "fine.csv", "other.csv"], "other.csv cannot be read as csv"),
        ("older.csv", b"a,b\n\xff", &["diff", "older.csv", "fine.csv"], "older.csv cannot be read as csv"),
    ];
    std::fs::write(directory.path().join("fine.csv"), GOOD).expect("write");
    for (name, bytes, arguments, wanted) in cases {
        std::fs::write(directory.path().join(name), bytes).expect("write");
        let refused = said(firstbad(directory.path()).args(arguments).output().expect("the binary runs"));
        assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{name}: {}", refused.err);
        assert!(refused.err.contains(wanted) && refused.err.contains("hint:"), "{name}: {}", refused.err);
    }
    // The control: the same bytes under a name or a flag that promises nothing are read, but a limit on rows is not checked.
    std::fs::write(directory.path().join("blob"), b"\x00\xff\xfe").expect("write");
    let check =
        |arguments: &[&str]| said(firstbad(directory.path()).args(arguments).output().expect("the binary runs"));
    assert_eq!(check(&["check", "blob", "--limit", "size=200"]).code, Some(0));
    let unchecked = check(&["check", "blob", "--limit", "rows=200"]);
    assert!(unchecked.code == Some(1) && unchecked.out.contains("rows cannot be counted"), "{}", unchecked.out);
}

#[test]
fn without_a_terminal_the_screen_is_trouble_and_names_what_a_script_can_use() {
    let unreachable = run(&[]);
    assert_eq!(unreachable.code, Some(2));
    assert!(unreachable.err.contains("http://127.0.0.1:1"), "{}", unreachable.err);
    let replay = run(&["replay", "good.csv"]);
    assert!(replay.code == Some(2) && replay.err.contains("firstbad diagnose"), "{}", replay.err);
}

#[test]
fn playbooks_are_listed_shown_and_tested() {
    let list = run(&["playbook", "list"]);
    assert!(list.code == Some(0) && list.out.contains("oversized-input "), "{}", list.out);
    let show = run(&["playbook", "show", "oversized-input"]);
    assert!(show.out.contains("risk (can be undone)") && show.out.contains("verify:"), "{}", show.out);
    assert_eq!(run(&["playbook", "test"]).code, Some(0));
}

#[test]
fn generated_things_come_from_the_same_lists() {
    assert!(run(&["gen", "config"]).out.contains("[collect]"));
    assert!(run(&["gen", "completion", "bash"]).out.contains("recorder"));
    assert!(run(&["gen", "systemd"]).out.contains("ExecStart=/usr/bin/firstbad agent"));
    assert!(run(&["gen", "systemd", "proxy"]).out.contains("SupplementaryGroups=firstbad"));
    assert!(run(&["gen", "tmpfiles"]).out.ends_with("d     /run/firstbad 2770 root firstbad -   -\n"));
    let manual = run(&["gen", "man"]).out;
    assert!(manual.contains(".TH firstbad") && manual.contains("KEYS"));
}

/// `firstbad diagnose <(zcat ..)`: what decides whether a path is a bundle must leave a pipe whole.
#[test]
fn a_capture_may_come_through_a_pipe_that_has_a_path() {
    use std::io::Write as _;
    let directory = tempfile::tempdir().expect("directory");
    let mut child = firstbad(directory.path())
        .args(["diagnose", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let line = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1772445600000000000"}]}]}]}"#;
    child.stdin.take().expect("piped").write_all(line).expect("written");
    let read = said(child.wait_with_output().expect("it ends"));
    // No line is broken, but without requests the fleet is not known to be calm.
    let told = (read.code, read.out.contains("cannot be read"));
    assert_eq!(told, (Some(2), false), "{}{}", read.out, read.err);
}

#[test]
fn a_capture_of_which_nothing_is_understood_is_no_calm_fleet() {
    let directory = tempfile::tempdir().expect("directory");
    let capture = |metric: &str| {
        let line = |second: u64| {
            let (start, time) = (1_772_445_600_000_000_000_u64, 1_772_445_600_000_000_000 + second * 1_000_000_000);
            serde_json::json!({"resourceMetrics": [{
                "resource": {"attributes": [{"key": "host.name", "value": {"stringValue": "a"}}]},
                "scopeMetrics": [{"metrics": [{"name": metric, "unit": "s", "histogram": {
                    "aggregationTemporality": 2,
                    "dataPoints": [{"startTimeUnixNano": start.to_string(), "timeUnixNano": time.to_string(),
                        "count": (10 * second).to_string(), "sum": second, "explicitBounds": [], "bucketCounts": [(10 * second).to_string()],
                        "attributes": [{"key": "http.response.status_code", "value": {"intValue": "200"}}]}]}}]}]}]})
            .to_string()
        };
        let path = directory.path().join(format!("{metric}.jsonl"));
        std::fs::write(&path, (1..=6).map(|report| line(10 * report) + "\n").collect::<String>()).expect("written");
        said(firstbad(directory.path()).arg("diagnose").arg(path).output().expect("the binary runs"))
    };
    let known = capture("http.server.request.duration");
    assert_eq!((known.code, known.err.as_str()), (Some(0), ""), "{}", known.out);
    let unknown = capture("acme.latency");
    assert_eq!(unknown.code, Some(2), "{}", unknown.out);
    assert!(unknown.err.contains("requests or scores were understood"), "{}", unknown.err);
    assert!(unknown.out.contains("BLIND") && unknown.out.contains("acme.latency"), "{}", unknown.out);
}

#[test]
fn a_reader_that_leaves_early_is_no_trouble() {
    let directory = tempfile::tempdir().expect("directory");
    let mut child = firstbad(directory.path())
        .args(["gen", "completion", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("UTF-8");
    assert_eq!((child.wait().expect("it ends").code(), err.as_str()), (Some(0), ""));
}

/// A collector of its own, on free ports.
struct Collector {
    child: Child,
    api: String,
}

impl Collector {
    fn start(directory: &Path) -> Self {
        Self::start_with(directory, &["--no-recorders"])
    }

    fn start_with(directory: &Path, arguments: &[&str]) -> Self {
        let mut child = firstbad(directory)
            .arg("collect")
            .args(arguments)
            .args(["--data-dir", "store", "--api", "127.0.0.1:0"])
            .args(["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let api = lines
            .find_map(|line| Some(line.ok()?.split_once("api on ")?.1.to_owned()))
            .expect("it says where it listens");
        // Somebody must go on reading, or its log would block it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, api }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_recorder_that_cannot_be_read_is_told_and_not_passed_over() {
    let directory = tempfile::tempdir().expect("directory");
    // Of another layout: its process lives on unseen until somebody is told.
    let foreign = [b"FIRSTBAD".as_slice(), &7_u64.to_ne_bytes()].concat();
    std::fs::create_dir(directory.path().join("recorders")).expect("made");
    std::fs::write(directory.path().join("recorders/edge.rec"), foreign).expect("written");
    let collector = Collector::start_with(directory.path(), &["--recorder-dir", "recorders"]);
    let ask =
        || said(firstbad(directory.path()).args(["status", "--collector", &collector.api]).output().expect("runs"));
    let told = std::iter::repeat_with(ask).take(200).find(|status| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        status.out.contains("NOT SEEN: reading the recorder recorders/edge.rec: layout word 0x7 at offset 8")
    });
    assert!(told.is_some(), "{}", ask().out);
}

#[test]
fn an_empty_collector_is_asked_and_never_called_well() {
    let directory = tempfile::tempdir().expect("directory");
    let collector = Collector::start(directory.path());
    let ask = |arguments: &[&str]| {
        said(
            firstbad(directory.path())
                .args(arguments)
                .args(["--collector", &collector.api])
                .output()
                .expect("the binary runs"),
        )
    };
    let status = ask(&["status"]);
    assert_eq!(status.code, Some(0), "{}", status.err);
    assert!(status.out.contains("nothing is known about any fleet"), "{}", status.out);
    assert!(json(&ask(&["status", "--format", "json"]).out).pointer("/snapshot/diagnosis/schema") == Some(&1.into()));
    let incidents = ask(&["incidents", "--format", "json"]);
    assert_eq!((incidents.code, incidents.out.as_str()), (Some(0), "[]\n"));
    for arguments in
        [["report", "latest"], ["bundle", "latest"], ["explain", "latest"], ["report", "20251118-112804-errors"]]
    {
        let said = ask(&arguments);
        assert!(
            said.code == Some(2) && said.out.is_empty() && said.err.contains("hint:"),
            "{arguments:?}: {}",
            said.err
        );
    }
}

#[test]
fn recorder_list_says_where_it_looked_also_where_nothing_is() {
    let directory = tempfile::tempdir().expect("directory");
    let made = directory.path().join("made");
    std::fs::create_dir(&made).expect("made");
    std::fs::write(made.join("edge.rec"), "junk").expect("written");
    let missing = directory.path().join("missing");
    let arguments = ["recorder", "list", "--recorder-dir"].map(std::ffi::OsString::from).into_iter();
    let arguments = arguments.chain([made.clone().into(), "--recorder-dir".into(), missing.clone().into()]);
    let listed = said(firstbad(directory.path()).args(arguments).output().expect("the binary runs"));
    let looked = format!("looked in {} (recorders: 1), {} (not there)\n", made.display(), missing.display());
    assert_eq!((listed.code, listed.err.as_str()), (Some(0), looked.as_str()));
    assert!(listed.out.contains("unreadable"), "{}", listed.out);
}

#[test]
fn h10_nothing_is_clean_of_which_no_limit_was_checked() {
    let directory = tempfile::tempdir().expect("directory");
    let collector = Collector::start(directory.path());
    let unknown = run(&["check", "good.csv", "--config", "nosuch", "--collector", &collector.api]);
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(2), ""), "{}", unknown.err);
    assert!(unknown.err.contains("knows no config `nosuch`") && unknown.err.contains("hint:"), "{}", unknown.err);
    std::fs::write(directory.path().join("good.csv"), GOOD).expect("written");
    let mut alone = firstbad(directory.path());
    alone.env_remove("FIRSTBAD_COLLECTOR").args(["check", "good.csv", "--config", "bot-features"]);
    let unasked = said(alone.output().expect("the binary runs"));
    assert!(unasked.out.contains("not checked: limits") && !unasked.out.contains("clean"), "{}", unasked.out);
    let unlimited = run(&["check", "good.csv"]);
    assert!(unlimited.out.contains("no limit was checked"), "{}", unlimited.out);
    let limited = run(&["check", "good.csv", "--limit", "rows=4"]);
    assert!(limited.out.ends_with("clean\n") && !limited.out.contains("no limit"), "control: {}", limited.out);
}

#[test]
fn h23_what_is_no_collector_no_bundle_or_no_number_is_called_so() {
    use std::io::Write as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let page = "<html><body><h1>It works!</h1></body></html>";
            let head = format!("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: {}", page.len());
            let _ = write!(stream, "{head}\r\nConnection: close\r\n\r\n{page}");
        }
    });
    let foreign = format!("http://{address}");
    for (arguments, wanted) in [
        (vec!["status", "--collector", &foreign], "no collector listens there"),
        (vec!["explain", "nosuch.tar.zst"], "cannot read the bundle nosuch.tar.zst: no such file"),
        (vec!["demo", "--seed", "x"], "a seed is a whole number"),
    ] {
        let said = run(&arguments);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(wanted) && !said.err.contains("<h1>"), "{arguments:?}: {}", said.err);
    }
}

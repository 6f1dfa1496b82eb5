//! `check` and `diff` on files as people have them: each kind of fault with several files, and beside each a file that only looks
//! like it.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::path::Path;
use std::process::Command;

struct Said {
    code: Option<i32>,
    text: String,
}

/// Writes the files and runs the binary beside them.
fn run(files: &[(&str, &[u8])], arguments: &[&str]) -> Said {
    let directory = tempfile::tempdir().expect("directory");
    for (name, bytes) in files {
        std::fs::write(directory.path().join(name), bytes).expect("write");
    }
    let output = command(directory.path()).args(arguments).output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), text: text(output.stdout) + &text(output.stderr) }
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firstbad"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FIRSTBAD_")) {
        command.env_remove(name);
    }
    command.current_dir(directory).env("FIRSTBAD_COLLECTOR", "http://127.0.0.1:1");
    command
}

/// One file by itself: exit code, and what is said of it.
fn check(name: &str, bytes: impl AsRef<[u8]>, code: i32, words: &[&str]) {
    let said = run(&[(name, bytes.as_ref())], &["check", name]);
    assert_eq!(said.code, Some(code), "{name}: {}", said.text);
    expect(&said.text, words);
}

/// A file against the one that it replaces; `words` that begin with `!` must be missing.
#[expect(clippy::too_many_arguments, reason = "a line of a table of cases")]
fn against(name: &str, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>, code: i32, words: &[&str]) {
    let (before, now) = (format!("old-{name}"), format!("new-{name}"));
    let said = run(&[(&before, old.as_ref()), (&now, new.as_ref())], &["check", &now, "--against", &before]);
    assert_eq!(said.code, Some(code), "{name}: {}", said.text);
    expect(&said.text, words);
}

fn differ(name: &str, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>, words: &[&str]) {
    let (before, now) = (format!("old-{name}"), format!("new-{name}"));
    let said = run(&[(&before, old.as_ref()), (&now, new.as_ref())], &["diff", &before, &now]);
    assert_eq!(said.code, Some(1), "{name}: {}", said.text);
    expect(&said.text, words);
}

fn expect(text: &str, words: &[&str]) {
    for word in words {
        match word.strip_prefix('!') {
            Some(unwanted) => assert!(!text.contains(unwanted), "not {unwanted:?}: {text}"),
            None => assert!(text.contains(word), "{word:?}: {text}"),
        }
    }
}

/// `count` lines made of their number.
fn lines(count: u32, line: impl Fn(u32) -> String) -> String {
    (1..=count).map(|number| line(number) + "\n").collect()
}

#[test]
fn names_and_order_of_a_header_are_part_of_the_schema() {
    let rows = lines(9, |i| format!("10.0.{i}.0/24,{i},x"));
    let with = |header: &str| format!("{header}\n{rows}");
    let good = with("prefix,id,note");
    against("a.csv", &good, &good, 0, &["clean"]);
    against("a.csv", &good, with("network,id,note"), 1, &["header changed: prefix -> network"]);
    against("a.csv", &good, with("prefix,note,id"), 1, &["order of the header changed"]);
    against("a.csv", &good, &rows, 1, &["header", "is gone"]);
    against("a.csv", &rows, &good, 1, &["there is a header now"]);
    against("a.csv", &good, format!("\u{feff}{good}"), 1, &["BOM"]);
    against("a.csv", &good, good.replace(',', ";"), 1, &["separator changed: , -> ;"]);
    against("a.csv", &good, with("prefix, id,note"), 1, &["header changed: id ->  id"]);
    against("a.csv", &good, with("prefix,id"), 1, &["gone [\"note\"], new []"]);
    check("a.csv", with("prefix,id,id"), 1, &["the name id twice"]);
    check("a.csv", with("prefix,,note"), 1, &["column 2 has no name"]);
    check("a.csv", format!("\u{feff}{good}"), 1, &["BOM"]);
    check("a.csv", good.clone() + &good, 1, &["header stands again as a row, first on line 11"]);
    check("a.tsv", good.replace(',', "\t"), 0, &["9 rows, 3 columns"]);
    let declared = run(&[("a.csv", rows.as_bytes())], &["check", "a.csv", "--rows-as", "csv-header"]);
    assert!(declared.code == Some(1) && declared.text.contains("looks like the rows after it"), "{}", declared.text);
}

#[test]
fn rows_are_counted_without_header_comments_frames_and_blank_lines() {
    let list = lines(240, |i| format!("feature_{i}"));
    check("features.csv", &list, 0, &["240 rows", "without a header", "clean"]);
    check("features.csv", format!("name\n{list}"), 0, &["240 rows", "the first row is the header"]);
    check("ips.txt", format!("# head\n# head\n;x\n\n{list}"), 0, &["240 rows", "3 comments", "1 blank line", "clean"]);
    check("filter.txt", "! Title: x\n!\n!\n##.ad\n||a.example^\n", 0, &["2 rows", "3 comments", "clean"]);
    check("x.csv", format!("# made today\n# made today\nname\n{list}"), 0, &["240 rows", "2 comments", "clean"]);
    let one = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    check("ca.crt", one("AAAA") + &one("BBBB"), 0, &["2 rows", "read as pem", "clean"]);
    check("ca.pem", one("AAAA") + "-----BEGIN CERTIFICATE-----\nBB\n", 1, &["2 rows", "line 4", "not closed"]);
    check(
        "geo.conf",
        "geo $a $b {\n  10.0.0.0/8 1;\n}\ngeo $c $d {\n  10.0.0.0/8 1;\n}\n",
        0,
        &["4 rows", "not checked: duplicate rows"],
    );
    check("haproxy.cfg", "frontend a\n  mode http\nbackend b\n  mode http\n", 0, &["!FINDING"]);
    let limit = run(&[("x.txt", format!("# a\n{list}").as_bytes())], &["check", "x.txt", "--limit", "rows=240"]);
    assert_eq!(limit.code, Some(0), "{}", limit.text);
}

#[test]
fn settings_have_no_rows_no_duplicates_and_a_difference() {
    let toml = "[server]\nport = 80\n[client]\nport = 80\n";
    for name in ["a.toml", "proxy.conf"] {
        check(name, toml, 0, &["unknown rows", "read as toml", "not checked: rows", "!FINDING", "!clean"]);
        differ(
            name,
            toml,
            toml.replace("[client]\nport = 80", "[client]\nport = 81"),
            &["client.port = 80 -> 81", "!rows are the same"],
        );
    }
    differ("a.ini", "[a]\nx = 1\n", "[a]\nx = 2\ny = 1\n", &["a.x = 1 -> 2", "a.y = 1"]);
    differ("a.json", "{\"a\": {\"b\": 1}}", "{\"a\": {\"b\": 2}}", &["a.b = 1 -> 2"]);
    differ("a.yaml", "a:\n  b: 1\n", "a:\n  b: 1\n  c: [1, 2]\n", &["a.c[0] = 1"]);
    differ(
        "a.yaml",
        "version: 1\nlist:\n  - a\n",
        "version: 2\nlist:\n  - a\n",
        &["the rows are the same", "version = 1 -> 2"],
    );
    differ("a.yaml", "kind: A\nx: 1\n---\nkind: B\nx: 1\n", "kind: A\nx: 2\n---\nkind: B\nx: 1\n", &["x = 1 -> 2"]);
    differ("a.toml", "[a]\nb = 1\n", "# why\n[a]\nb = 1\n", &["settings are the same: only comments"]);
    against(
        "a.toml",
        toml,
        toml.replace("80", "\"80\""),
        1,
        &["server.port is text (a string) on line 2, before a number"],
    );
    check("a.toml", "[a]\nb = \n", 2, &["line 2"]);
    check("a.toml", "[a]\nb = 1\nb = 2\n", 2, &["line 3"]);
    let limit = run(&[("a.toml", toml.as_bytes())], &["check", "a.toml", "--limit", "rows=200"]);
    assert!(limit.code == Some(1) && limit.text.contains("rows cannot be counted"), "{}", limit.text);
}

#[test]
fn yaml_lists_are_found_under_a_key_and_what_is_no_yaml_is_refused() {
    let quoted = "countries: &all\n  - 'DE'\n  - 'NO'\n  - 'SE'\n";
    check("a.yaml", quoted, 0, &["3 rows", "clean"]);
    check("a.yml", "a: 1\ndeny: [x, y]\n", 0, &["2 rows"]);
    check("a.yaml", "a: &l [x]\nb: *l\n", 0, &["unknown rows", "!clean"]);
    check("a.yaml", "a: [1\nb: 2\n", 2, &["line"]);
    check("a.yaml", "just a sentence\n", 2, &["this is no YAML"]);
    check("a.yaml", "a:\n\t- b\n", 2, &["line 2"]);
    against("a.yaml", quoted, quoted.replace('\'', ""), 1, &["NO", "YAML 1.1"]);
    differ("a.yaml", quoted, quoted.replace('\'', ""), &["3 rows added, 3 removed"]);
    check("bomb.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", 0, &["unknown rows"]);
}

#[test]
fn a_key_that_stands_twice_decides_what_the_reader_takes() {
    let flags = |second: &str| {
        format!(
            "{{\"flags\": {{\n\"a\": {{\"on\": true}},\n\"b\": {{\"on\": true}},\n\"{second}\": {{\"on\": false}}\n}}}}"
        )
    };
    against("a.json", flags("c"), flags("b"), 1, &["key flags.b stands twice, on lines 3 and 4", "flags.c.on"]);
    check("a.json", flags("b"), 1, &["flags.b stands twice"]);
    check("a.jsonl", "{\"a\": 1, \"a\": 2}\n", 1, &["a stands twice"]);
    check("a.yaml", "x:\n  a: 1\n  b: 2\n  a: 3\n", 1, &["x.a stands twice, on lines 2 and 4: 1, then 3"]);
    check("a.yaml", "- {a: 1}\n- {a: 1, b: 2}\n", 0, &["!twice"]);
    check("a.ini", "[s]\nExecStart = a\nExecStart = b\n", 0, &["s.ExecStart stands twice"]);
    against("a.ini", "[s]\na = 1\nb = 2\n", "[s]\na = 1\na = 2\n", 1, &["s.a stands twice"]);
    let hosts = lines(9, |i| format!("h{i}.example 10.0.0.{i}"));
    against(
        "map.txt",
        &hosts,
        format!("{hosts}h3.example 10.9.9.9\n"),
        1,
        &["line 3: h3.example 10.0.0.3, line 10: h3.example 10.9.9.9"],
    );
    let table = lines(9, |i| format!("k{i},{i}"));
    against("a.csv", &table, format!("{table}k3,99\n"), 1, &["line 3: k3,3, line 10: k3,99"]);
    let zeros = lines(9, |i| format!("0.0.0.0 h{i}.example"));
    against("hosts", &zeros, format!("{zeros}0.0.0.0 more.example\n"), 0, &["clean"]);
}

#[test]
fn an_error_page_or_zeros_instead_of_content_are_told() {
    for (name, bytes) in [
        ("a.csv", b"<!DOCTYPE html>\n<html><h1>404</h1></html>\n".as_slice()),
        ("a.yaml", b"\n<HTML><BODY>Bad Gateway</BODY></HTML>"),
        ("a.toml", b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"),
        ("a.conf", b"503 Service Unavailable\n"),
        ("a.json", b"{\"message\": \"Not Found\", \"documentation_url\": \"https://docs.example\"}"),
        ("a.txt", b"Too Many Requests"),
        ("a.bin.csv", b"\0\0\0\0\0\0\0\0"),
        ("a.tsv", b"\x1f\x8b\x08\0\0\0\0\0"),
        ("a.csv", b"{\"rows\": [1, 2]}\n"),
        ("rules.txt", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"),
    ] {
        check(name, bytes, 1, &["FINDING content: this looks like", "!clean"]);
    }
    check("half.csv", "a1,1\na2,2\n\0\0\0\0\0\0", 1, &["6 NUL bytes, the first on line 3"]);
    check("merge.txt", "a\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n", 1, &["unfinished merge", "line 2"]);
    check("codes.txt", "404\n500\n502\n", 0, &["3 rows", "clean"]);
    check("words.csv", "code,text\n404,Not Found\n500,Internal Server Error\n", 0, &["clean"]);
}

#[test]
fn one_row_that_matches_everything_is_seen_among_many() {
    let filters = format!("! Title: x\n{}", lines(300, |i| format!("site{i}.example##.banner")));
    let patterns = lines(40, |i| format!("^/api/v{i}/(users|orders)"));
    let networks = lines(40, |i| format!("10.{i}.0.0/16,deny"));
    for (name, good, row) in [
        ("f.txt", &filters, "|"),
        ("f.txt", &filters, "/"),
        ("p.txt", &patterns, ".*"),
        ("p.txt", &patterns, "^/(api||health)"),
        ("n.csv", &networks, "0.0.0.0/0,deny"),
        ("n.csv", &networks, "10.0.0.0/7,deny"),
    ] {
        against(name, good, format!("{good}{row}\n"), 1, &["FINDING shape", "line"]);
    }
    against("f.txt", &filters, format!("{filters}site999.example##.banner\n"), 0, &["clean"]);
    against("f.txt", format!("{filters}|\n"), format!("{filters}|\nx.example##.y\n"), 0, &["clean"]);
    against(
        "p.txt",
        &patterns,
        patterns.replacen('\n', "\n\n", 1),
        1,
        &["blank lines, none before, the first is line 2"],
    );
    let json = |more: &str| {
        format!("[{}{more}]", lines(9, |i| format!("\"rule-number-{i}\",")).trim_end().trim_end_matches(','))
    };
    against("r.json", json(""), json(", \"*\""), 1, &["FINDING shape", "*"]);
    against("r.json", json(""), json(", \"\""), 1, &["empty in 1 of 10 rows"]);
}

#[test]
fn kinds_of_values_are_part_of_the_schema() {
    let objects = |id: &dyn Fn(u32) -> String| lines(20, |i| format!("{{\"id\": {}, \"rule\": \"allow\"}}", id(i)));
    let good = objects(&|i| i.to_string());
    against(
        "a.jsonl",
        &good,
        objects(&|i| format!("\"{i}\"")),
        1,
        &["id is text (a string) in 20 of 20 rows, before a number"],
    );
    against(
        "a.jsonl",
        &good,
        objects(&|i| if i == 7 { "null".into() } else { i.to_string() }),
        1,
        &["id is null in 1 of 20 rows", "line 7"],
    );
    against("a.jsonl", &good, good.replace("\"id\"", "\"ident\""), 1, &["id is in no row, before in 20 of 20"]);
    against("a.jsonl", &good, good.replace("{\"id\": 3, ", "{"), 1, &["id is missing in 1 of 20 rows"]);
    let scores = |third: &str| {
        format!(
            "name,score\n{}",
            lines(9, |i| format!("f{i},{}", if i == 3 { third.to_owned() } else { format!("0.{i}") }))
        )
    };
    against("a.csv", scores("0.3"), scores("NaN"), 1, &["score is not a number in 1 of 9 rows", "line 4"]);
    against("a.csv", scores("0.3"), scores("n/a"), 1, &["score is text", "n/a"]);
    against("a.csv", scores("0.3"), scores(""), 1, &["score is empty"]);
    against("a.csv", scores("0.3"), scores("17"), 0, &["clean"]);
    let array =
        |id: &str| format!("{{\"v\": 1, \"rules\": [{{\"id\": 1, \"on\": true}}, {{\"id\": {id}, \"on\": true}}]}}");
    against("a.json", array("2"), array("\"2\""), 1, &["id is text (a string) in 1 of 2 rows"]);
}

#[test]
fn line_ends_and_the_end_of_the_last_line_are_told() {
    let good = lines(9, |i| format!("f{i},0.{i}"));
    let cut = good.trim_end();
    for name in ["a.csv", "a.txt"] {
        against(name, &good, cut, 1, &["last line has no line end"]);
        differ(name, &good, cut, &["the rows are the same", "last line has no line end"]);
        against(name, &good, good.replace('\n', "\r\n"), 1, &["LF -> CRLF in 9 lines"]);
        differ(name, &good, good.replace('\n', "\r\n"), &["the rows are the same", "LF -> CRLF"]);
        against(name, &good, good.replacen('\n', "\r\n", 1), 1, &["line ends are mixed: 1"]);
        against(name, cut, &good, 0, &["the last line has a line end, it had none"]);
        against(name, cut, cut, 0, &["clean"]);
    }
    differ(
        "a.txt",
        "a\nb\n",
        "# why\na\nb\n",
        &["the rows are the same", "1 comments, 0 blank lines; before: 0 comments"],
    );
    check("open.csv", "id,text\n1,a\n2,\"b\n3,c\n", 1, &["line 3", "not closed"]);
}

#[test]
fn nothing_is_called_clean_that_was_not_checked() {
    let blob = b"\0\xff\xfe\x01";
    let by_itself = run(&[("blob", blob)], &["check", "blob"]);
    assert!(by_itself.code == Some(2) && by_itself.text.contains("hint: --limit size"), "{}", by_itself.text);
    let limited = run(&[("blob", blob)], &["check", "blob", "--limit", "size=10"]);
    assert_eq!(limited.code, Some(0), "{}", limited.text);
    expect(&limited.text, &["not checked: rows, duplicate rows", "!clean"]);
    let json = run(&[("a.toml", b"[a]\nb = 1\n")], &["check", "a.toml", "--format", "json"]);
    expect(&json.text, &["\"clean\": false", "\"rows\": null", "not_checked"]);
    check("a.json", "null", 1, &["the single value null"]);
    check("a.yaml", "- id: 1\n- id: 2\n  note: x\n", 0, &["another number of fields", "clean"]);
    differ("a.csv", "a1,1\n", "b", &["1 rows"]);
    let formats = run(&[("old.json", b"{\"a\": 1}"), ("new.yaml", b"a: 1\n")], &["diff", "old.json", "new.yaml"]);
    assert!(formats.code == Some(1) && formats.text.contains("format changed: json -> yaml"), "{}", formats.text);
    // A guess that does not hold gives way to lines, and that is said.
    check("rules", "[a]\nb = 1\nb = 2\n", 0, &["resembles toml", "read as lines"]);
}

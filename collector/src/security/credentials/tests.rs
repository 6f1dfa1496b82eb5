//! What a credentials file may hold, and which caller a token or certificate comes to.

use super::super::Token;
use super::*;
use std::os::unix::fs::PermissionsExt;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn read(text: &str) -> Result<Credentials, SecurityError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("credentials.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    Credentials::read(&path)
}

fn token(token: &Token, rest: &str) -> String {
    format!("[[token]]\nname = \"edge\"\nsha256 = \"{}\"\n{rest}\n", token.sha256())
}

#[test]
fn a_token_is_known_by_all_of_its_bytes_until_it_expires() {
    let own = Token::generate("edge").unwrap();
    let other = Token::generate("edge").unwrap();
    let credentials = read(&token(&own, "roles = [\"read\"]")).unwrap();
    assert!(credentials.by_token(own.text(), NOW).unwrap().has(Role::Read));
    assert!(!credentials.by_token(own.text(), NOW).unwrap().has(Role::Admin));
    for wrong in [other.text(), "", "fb.edge.", &own.text().to_uppercase(), &format!("{} ", own.text())] {
        assert_eq!(credentials.by_token(wrong, NOW).unwrap_err(), Unknown::Token, "{wrong}");
    }
    let ends = |at: &str| read(&token(&own, &format!("roles = [\"read\"]\nexpires = \"{at}\""))).unwrap();
    assert!(ends("2027-01-15T08:00:01Z").by_token(own.text(), NOW).is_ok());
    let expired = ends("2027-01-15T08:00:00Z").by_token(own.text(), NOW).unwrap_err();
    assert_eq!(expired, Unknown::Expired("edge".to_owned()));
}

#[test]
fn a_caller_speaks_for_the_hosts_of_its_credential() {
    let own = Token::generate("edge").unwrap();
    let may = |rest: &str, host: Option<&str>| {
        let credentials = read(&token(&own, &format!("roles = [\"ingest\"]\n{rest}"))).unwrap();
        credentials.by_token(own.text(), NOW).unwrap().check_host(host).is_ok()
    };
    let cases = [
        ("kind = \"host\"", Some("edge"), true),
        ("kind = \"host\"", Some("edge2"), false),
        ("kind = \"host\"", None, false),
        ("kind = \"host\"", Some(""), false),
        ("kind = \"host\"\nhosts = [\"h1\"]", Some("h1"), true),
        ("kind = \"host\"\nhosts = [\"h1\"]", Some("edge"), false),
        ("kind = \"agent\"\nhosts = [\"a1\", \"b*\"]", Some("a1"), true),
        ("kind = \"agent\"\nhosts = [\"a1\", \"b*\"]", Some("b7"), true),
        ("kind = \"agent\"\nhosts = [\"a1\", \"b*\"]", Some("a2"), false),
        ("kind = \"agent\"\nhosts = [\"a1\", \"b*\"]", None, false),
        ("kind = \"gateway\"", Some("any"), true),
        ("kind = \"gateway\"", None, true),
    ];
    for (rest, host, expected) in cases {
        assert_eq!(may(rest, host), expected, "{rest} {host:?}");
    }
}

#[test]
fn a_certificate_is_known_by_a_name_or_a_pattern_and_the_host_by_both_of_its_names() {
    let text = "[[certificate]]\nname = \"*.edge.example\"\nroles = [\"ingest\"]\nkind = \"host\"\n";
    let credentials = read(text).unwrap();
    let names = |name: &str| [name.to_owned()];
    let caller = credentials.by_certificate(&names("e1.edge.example"), NOW).unwrap();
    assert_eq!(&*caller.name, "e1.edge.example");
    for (host, expected) in [("e1.edge.example", true), ("e1", true), ("e2", false), ("e2.edge.example", false)] {
        assert_eq!(caller.check_host(Some(host)).is_ok(), expected, "{host}");
    }
    for wrong in [".edge.example", "edge.example", "e1.edge.example.org"] {
        assert_eq!(credentials.by_certificate(&names(wrong), NOW).unwrap_err(), Unknown::Certificate, "{wrong}");
    }
}

#[test]
fn a_faulty_file_is_refused_and_its_secrets_are_not_repeated() {
    let own = Token::generate("edge").unwrap();
    let cases = [
        (token(&own, ""), "roles"),
        (token(&own, "roles = []"), "roles"),
        (token(&own, "roles = [\"root\"]"), "root"),
        (token(&own, "roles = [\"ingest\"]"), "kind"),
        (token(&own, "roles = [\"read\"]\nkind = \"host\""), "kind"),
        (token(&own, "roles = [\"ingest\"]\nkind = \"agent\""), "hosts"),
        (token(&own, "roles = [\"ingest\"]\nkind = \"gateway\"\nhosts = [\"a\"]"), "hosts"),
        (token(&own, "roles = [\"ingest\"]\nkind = \"host\"\nhosts = [\"a\", \"b\"]"), "one host"),
        (token(&own, "roles = [\"ingest\"]\nkind = \"host\"\nhosts = [\"*\"]"), "one host"),
        (token(&own, "roles = [\"read\"]\nrole = 1"), "role"),
        (token(&own, "roles = [\"read\"]").repeat(2), "twice"),
        ("[[token]]\nname = \"edge\"\nroles = [\"read\"]".to_owned(), "sha256"),
        ("[[certificate]]\nname = \"*\"\nroles = [\"read\"]".to_owned(), "no name"),
        (format!("[[token]]\nname = \"edge\"\nsha256 = \"{}\"\nroles = [\"read\"]", own.text()), "sha256"),
        (format!("[[token]]\nname = \"edge\"\nsha256 = {}\nroles = [\"read\"]", own.text()), "line 3"),
    ];
    for (text, says) in cases {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
        assert!(!error.contains(own.text()), "{error}");
    }
    // Control: the same without its fault is taken.
    assert!(read(&token(&own, "roles = [\"read\"]")).is_ok());
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("credentials.toml");
    std::fs::write(&path, "").unwrap();
    for (mode, taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o602, false)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let read = Credentials::read(&path);
        assert_eq!(read.is_ok(), taken, "{mode:o}");
        if let Err(error) = read {
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }
}

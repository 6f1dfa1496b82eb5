//! What a request changes, which words hold when, and to which incident each belongs.

use super::*;
use firstbad_protocol::verdict::{Cause, Verdict};

const AT: Timestamp = Timestamp::from_seconds(1_763_465_400);
const MINUTE_NS: i64 = 60_000_000_000;

fn new(kind: WordKind, incident: Option<&str>, minute: i64) -> NewWord {
    NewWord {
        kind,
        at: AT + minute * MINUTE_NS,
        author: "anna".to_owned(),
        authenticated: true,
        text: "seen".to_owned(),
        incident: incident.map(ToOwned::to_owned),
        until: None,
        scope: None,
        versions: Vec::new(),
    }
}

fn quiet(minute: i64, until: i64) -> NewWord {
    let until = Some(AT + until * MINUTE_NS);
    NewWord { until, scope: Some(QuietScope::default()), ..new(WordKind::Quiet, None, minute) }
}

/// Decides and applies; returns the answer.
fn say(words: &mut Words, new: NewWord, batch: u64) -> WordAnswer {
    commit(words, &WordRequest::Say(new), batch)
}

fn commit(words: &mut Words, request: &WordRequest, batch: u64) -> WordAnswer {
    let decided = words.decide(request, batch).unwrap();
    decided.changes.iter().for_each(|change| words.apply(change));
    decided.answer
}

fn back(kind: WordKind, incident: &str, minute: i64) -> WordRequest {
    let incident = Some(incident.to_owned());
    WordRequest::TakeBack(TakenBack { kind, incident, id: None, at: AT + minute * MINUTE_NS, by: "ben".to_owned() })
}

#[test]
fn the_same_word_again_changes_nothing_and_another_replaces_it() {
    let mut words = Words::default();
    let first = say(&mut words, new(WordKind::Ack, Some("a"), 0), 1);
    let again = say(&mut words, new(WordKind::Ack, Some("a"), 1), 2);
    assert_eq!((again.changed, again.word), (false, first.word));
    let other = say(&mut words, NewWord { author: "ben".to_owned(), ..new(WordKind::Ack, Some("a"), 2) }, 3);
    assert!(other.changed);
    let standing: Vec<_> = words.all().filter(|stored| stored.ended.is_none()).collect();
    assert_eq!((words.all().count(), standing.len(), standing[0].word.author.as_str()), (2, 1, "ben"));
    assert!(commit(&mut words, &back(WordKind::Ack, "a", 3), 4).changed);
    assert!(!commit(&mut words, &back(WordKind::Ack, "a", 4), 5).changed, "nothing is left to take back");
}

#[test]
fn a_replay_knows_at_each_batch_what_was_known_then() {
    let mut words = Words::default();
    let version = DisputedVersion { config: "routes".to_owned(), hash: firstbad_protocol::Hash::of(b"x") };
    say(&mut words, NewWord { versions: vec![version.clone()], ..new(WordKind::Dispute, Some("a"), 0) }, 10);
    commit(&mut words, &back(WordKind::Dispute, "a", 5), 20);
    let stored: Vec<StoredWord> = words.all().cloned().collect();
    let disputed = |batch| Words::as_of(stored.clone(), batch).disputed().contains(&version);
    assert_eq!([9, 10, 19, 20].map(disputed), [false, true, true, false]);
    let mut replayed = Words::as_of(stored.clone(), 9);
    for (_, changes) in changes(&stored) {
        changes.iter().for_each(|change| replayed.apply(change));
    }
    assert_eq!(replayed, words);
}

#[test]
fn a_quiet_time_that_is_extended_holds_since_its_beginning() {
    let mut words = Words::default();
    say(&mut words, quiet(0, 60), 1);
    let longer = say(&mut words, quiet(45, 120), 2).word.unwrap();
    assert_eq!((longer.since, longer.at), (AT, AT + 45 * MINUTE_NS));
    let later = say(&mut words, quiet(180, 240), 3).word.unwrap();
    assert_eq!(later.since, later.at, "the one before was over");
}

#[test]
fn at_the_bound_what_holds_no_more_makes_room_and_else_a_word_is_refused() {
    let mut words = Words::default();
    for index in 0..WORDS_STORED_MAX {
        say(&mut words, new(WordKind::Ack, Some(&index.to_string()), 0), 1);
    }
    let request = WordRequest::Say(new(WordKind::Ack, Some("one more"), 0));
    assert_eq!(words.decide(&request, 2), Err(TooManyWords));
    commit(&mut words, &back(WordKind::Ack, "7", 1), 3);
    assert!(commit(&mut words, &request, 4).changed);
    assert_eq!(words.all().count(), WORDS_STORED_MAX);
}

fn incident(config: &str, kind: CauseKind, host: Option<&str>) -> Incident {
    let cause = Cause {
        kind,
        config: Some(config.to_owned()),
        hashes: Vec::new(),
        property: None,
        also_separates: Vec::new(),
        scope: BTreeMap::new(),
        change: None,
        dimensions: host.map(|host| (HOST.to_owned(), host.to_owned())).into_iter().collect(),
    };
    Incident { verdict: Verdict::Cause, cause: Some(cause), ..Incident::new("a".to_owned(), AT) }
}

#[test]
fn a_quiet_time_holds_what_its_scope_names_and_nothing_else() {
    let of_host = QuietScope { host: Some("edge-1".to_owned()), config: None };
    let of_config = QuietScope { host: None, config: Some("routes".to_owned()) };
    let on_host = incident("routes", CauseKind::Host, Some("edge-1"));
    let elsewhere = incident("routes", CauseKind::Host, Some("edge-2"));
    assert!(fits(&of_host, &on_host, None) && !fits(&of_host, &elsewhere, None));
    let of_version = incident("routes", CauseKind::Config, None);
    let one = OnlyHost("edge-1".to_owned());
    assert!(fits(&of_host, &of_version, Some(&one)), "it fails alone");
    let mut wide = of_version.clone();
    wide.impact.hosts_affected = 2;
    assert!(!fits(&of_host, &wide, Some(&one)), "another host was hit before");
    assert!(!fits(&of_host, &of_version, None), "nobody knows whom it hits");
    assert!(fits(&of_config, &of_version, None) && !fits(&of_config, &incident("waf", CauseKind::Config, None), None));
    assert!(fits(&QuietScope::default(), &wide, None), "everything");
}

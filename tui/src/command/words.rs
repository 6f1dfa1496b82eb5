//! `firstbad ack`, `dispute` and `quiet`: what an engineer says goes to the collector, which stores it before it answers.

use crate::cli::{Common, QuietArgs, TextOrJson, WordArgs};
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::report::text::line;
use crate::screen::runtime::Words;
use crate::screen::word_form::WordRequest;
use firstbad_collector::words::{StoredWord, WordAnswer, WordBody};
use firstbad_collector::{Client, ClientError};
use firstbad_protocol::sentence::moment;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{EngineerWord, WordKind};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// `firstbad ack`, `firstbad dispute`.
///
/// # Errors
/// If the collector does not answer, does not know the incident, or refuses.
pub(super) fn about(common: &Common, kind: WordKind, arguments: &WordArgs) -> Result<ExitCode, Failure> {
    let client = super::client(common)?;
    let id = super::live::id_of(&client, &arguments.id)?;
    let (author, text) = (arguments.author.author.clone(), arguments.text.clone());
    let body = WordBody { author, text, ..WordBody::default() };
    let answer = if arguments.undo { client.take_back(kind, &id, &body) } else { client.say(kind, &id, &body) };
    let answer = answer.map_err(refused)?;
    told(&answer, arguments.undo, arguments.format)
}

/// `firstbad quiet`.
///
/// # Errors
/// If the collector does not answer, or refuses.
pub(super) fn quiet(common: &Common, arguments: &QuietArgs) -> Result<ExitCode, Failure> {
    let client = super::client(common)?;
    if arguments.list {
        return list(&client, arguments.format);
    }
    let mut body = WordBody {
        author: arguments.author.author.clone(),
        text: arguments.text.clone(),
        host: arguments.host.clone(),
        config: arguments.config.clone(),
        until: None,
    };
    let answer = match (arguments.undo, arguments.hold_for) {
        (Some(id), _) => client.end_quiet(id, &body).map_err(refused)?,
        (None, Some(hold_for)) => {
            body.until = Some(end_of(hold_for.0)?);
            client.quiet(&body).map_err(refused)?
        }
        (None, None) => return Err(Failure::new("it is not said for how long").hint("give --for 2h, or --undo NUMBER")),
    };
    told(&answer, arguments.undo.is_some(), arguments.format)
}

/// The name of whoever uses the screen.
pub(super) fn author() -> String {
    std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// Words as the screen says them, in the name of `author`.
pub(super) fn said_to(client: &Client, author: &str) -> Words {
    let (client, author) = (client.clone(), author.to_owned());
    Arc::new(move |request| said(&client, &author, request).map_err(|failure| failure.in_one_line()))
}

fn said(client: &Client, author: &str, request: &WordRequest) -> Result<String, Failure> {
    let by = WordBody { author: author.to_owned(), ..WordBody::default() };
    let (answer, undo) = match request.clone() {
        WordRequest::Say { kind, incident: Some(id), text, .. } => {
            (client.say(kind, &id, &WordBody { text, ..by }), false)
        }
        WordRequest::Say { incident: None, text, hold_s, host, config, .. } => {
            let until = Some(end_of(Duration::from_secs(hold_s.unwrap_or_default()))?);
            (client.quiet(&WordBody { text, host, config, until, ..by }), false)
        }
        WordRequest::TakeBack { kind, incident: Some(id), .. } => (client.take_back(kind, &id, &by), true),
        WordRequest::TakeBack { incident: None, id, .. } => (client.end_quiet(id, &by), true),
    };
    Ok(sentence(&answer.map_err(refused)?, undo))
}

/// The end of a quiet time that begins now.
fn end_of(time: Duration) -> Result<Timestamp, Failure> {
    Ok(now()? + i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

/// This machine's clock, to the second: the end of a quiet time is read by people.
fn now() -> Result<Timestamp, Failure> {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(Failure::new)?;
    Ok(Timestamp::from_seconds(i64::try_from(since_epoch.as_secs()).map_err(Failure::new)?))
}

fn refused(error: ClientError) -> Failure {
    match &error {
        ClientError::Refused { status: 401 | 403, .. } => Failure::new(&error).hint(
            "it needs a credential with the role admin: --token-file FILE, or --client-cert and --client-key; docs/security.md",
        ),
        ClientError::Refused { status: 409, .. } => {
            Failure::new(&error).hint("`firstbad ack ID` says that it was seen; `firstbad report ID` shows what is known")
        }
        ClientError::Refused { status: 503, .. } => {
            Failure::new(&error).hint("nothing was stored; `firstbad status` says why the collector cannot store")
        }
        _ => error.into(),
    }
}

fn told(answer: &WordAnswer, undo: bool, format: TextOrJson) -> Result<ExitCode, Failure> {
    match format {
        TextOrJson::Json => print_json(answer)?,
        TextOrJson::Text => print(&line(&sentence(answer, undo)))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn sentence(answer: &WordAnswer, undo: bool) -> String {
    match (&answer.word, undo, answer.changed) {
        (Some(word), false, true) => numbered(word),
        (Some(word), false, false) => format!("{}; it was so before", numbered(word)),
        (Some(word), true, _) => format!("taken back: {}", numbered(word)),
        (None, _, _) => "there was nothing to take back".to_owned(),
    }
}

fn numbered(word: &EngineerWord) -> String {
    let number = if word.kind == WordKind::Quiet { format!("{}: ", word.id) } else { String::new() };
    let incident = word.incident.as_ref().map_or_else(String::new, |id| format!("incident {id} "));
    format!("{number}{incident}{}", word.sentence())
}

fn list(client: &Client, format: TextOrJson) -> Result<ExitCode, Failure> {
    let words = client.words()?;
    match format {
        TextOrJson::Json => print_json(&words)?,
        TextOrJson::Text => print(&words.iter().map(listed).collect::<String>())?,
    }
    if words.is_empty() && format == TextOrJson::Text {
        eprintln!("{} has no words yet", client.base());
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(stored: &StoredWord) -> String {
    let ended = stored.ended.as_ref();
    let ended = ended.map_or_else(String::new, |ended| format!("; ended by {} at {}", ended.by, moment(ended.at)));
    let incident = stored.word.incident.as_ref().map_or_else(String::new, |id| format!("incident {id} "));
    line(&format!("{}: {incident}{}{ended}", stored.word.id, stored.word.sentence()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::verdict::QuietScope;

    fn word(kind: WordKind) -> EngineerWord {
        let at = Timestamp::from_seconds(1_763_465_400);
        EngineerWord {
            id: 3,
            kind,
            at,
            since: at,
            until: (kind == WordKind::Quiet).then(|| at + 3_600_000_000_000),
            author: "anna".to_owned(),
            authenticated: true,
            text: "\u{1b}[2J".to_owned(),
            incident: (kind != WordKind::Quiet).then(|| "20251118-112804-errors".to_owned()),
            scope: (kind == WordKind::Quiet).then(QuietScope::default),
        }
    }

    #[test]
    fn an_answer_says_what_holds_now_and_whether_it_is_new() {
        let answer = |kind, changed| WordAnswer { word: Some(word(kind)), changed };
        let acknowledged = "incident 20251118-112804-errors acknowledged by anna at 2025-11-18T11:30:00Z: \\u{1b}[2J";
        assert_eq!(sentence(&answer(WordKind::Ack, true), false), acknowledged);
        assert_eq!(sentence(&answer(WordKind::Ack, false), false), format!("{acknowledged}; it was so before"));
        let quiet = sentence(&answer(WordKind::Quiet, true), true);
        assert_eq!(quiet, "taken back: 3: pages held until 2025-11-18T12:30:00Z by anna: \\u{1b}[2J");
        assert_eq!(sentence(&WordAnswer { word: None, changed: false }, true), "there was nothing to take back");
    }

    #[test]
    fn what_the_screen_says_reaches_the_collector_or_comes_back_with_a_reason() {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = firstbad_collector::Settings::on_free_ports(directory.path().join("data"));
        let collector = firstbad_collector::Collector::start(settings).expect("a collector");
        let client = collector.client();
        let words = said_to(&client, "anna");
        let (kind, text) = (WordKind::Quiet, "maintenance".to_owned());
        let quiet = WordRequest::Say {
            kind,
            incident: None,
            text,
            hold_s: Some(3_600),
            host: None,
            config: Some("routes".into()),
        };
        let told = words(&quiet).expect("stored");
        assert!(told.starts_with("1: pages of config routes held until ") && told.contains("by anna"), "{told}");
        let stored = client.words().expect("words");
        let until = stored[0].word.until.expect("an end");
        let seconds = until.since(stored[0].word.at) / 1_000_000_000;
        assert!((3_590..=3_610).contains(&seconds), "{seconds}");
        let back = words(&WordRequest::TakeBack { kind, incident: None, id: 1 }).expect("taken back");
        assert!(back.starts_with("taken back: 1: pages"), "{back}");
        let about = |kind| WordRequest::Say {
            kind,
            incident: Some("20251118-112804-errors".to_owned()),
            text: String::new(),
            hold_s: None,
            host: None,
            config: None,
        };
        for kind in [WordKind::Ack, WordKind::Dispute] {
            let why = words(&about(kind)).expect_err("no such incident");
            assert!(why.contains("20251118-112804-errors") && why.contains("firstbad incidents"), "{why}");
        }
        collector.stop();
        let gone = words(&about(WordKind::Ack)).expect_err("nobody answers");
        assert!(gone.contains(client.base()), "{gone}");
    }
}

//! The one list of orders that can be typed after `:`, with their completion. What an order does is decided by `update`.

use super::keys::Action;
use super::model::{Model, Screen};
use super::moments::Goal;
use firstbad_protocol::verdict::WordKind;

/// Forms in which a report is written to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For a ticket or a postmortem.
    Markdown,
    /// One file for a browser.
    Html,
    /// The contract's objects.
    Json,
    /// For reading.
    Text,
}

impl Form {
    /// Every form, the usual one first.
    pub(crate) const ALL: [Self; 4] = [Self::Markdown, Self::Html, Self::Json, Self::Text];

    /// Its word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Json => "json",
            Self::Text => "text",
        }
    }

    /// The ending of its files.
    pub(crate) const fn ending(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
            Self::Text => "txt",
        }
    }
}

/// A parsed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Show a screen.
    Show(Screen),
    /// The same as a key.
    Act(Action),
    /// Go to a moment.
    Jump(Goal),
    /// Write a report to a file.
    Export(Form),
    /// Choose an incident.
    Choose(String),
    /// Let the terminal report the mouse, or not.
    Mouse(bool),
    /// Take back what was said of the incident shown.
    TakeBack(WordKind),
}

/// One word that an order can begin with.
struct Word {
    word: &'static str,
    help: &'static str,
    order: fn(&str) -> Option<Order>,
    /// Its possible arguments.
    arguments: fn(&Model) -> Vec<String>,
}

const fn plain(word: &'static str, help: &'static str, order: fn(&str) -> Option<Order>) -> Word {
    Word { word, help, order, arguments: |_| Vec::new() }
}

/// A word of an engineer, which can be taken back.
const fn said(word: &'static str, help: &'static str, order: fn(&str) -> Option<Order>) -> Word {
    Word { word, help, order, arguments: |_| vec![UNDO.to_owned()] }
}

/// Takes a word back.
const UNDO: &str = "undo";

fn about(kind: WordKind, rest: &str) -> Option<Order> {
    match rest {
        "" => Some(Order::Act(Action::Say(kind))),
        UNDO => Some(Order::TakeBack(kind)),
        _ => None,
    }
}

/// Every word beside the screens' own.
const WORDS: [Word; 20] = [
    plain("load", "in time: to the first load of an accused version", |_| Some(Order::Jump(Goal::Load))),
    plain("onset", "in time: to the onset", |_| Some(Order::Jump(Goal::Onset))),
    plain("named", "in time: to the naming of the cause", |_| Some(Order::Jump(Goal::Named))),
    plain("recovered", "in time: to the end", |_| Some(Order::Jump(Goal::Recovered))),
    plain("now", "in time: back to live data", |_| Some(Order::Act(Action::Now))),
    plain("play", "in time: play or stop; live: pause", |_| Some(Order::Act(Action::Pause))),
    plain("faster", "play twice as fast", |_| Some(Order::Act(Action::Faster))),
    plain("slower", "play half as fast", |_| Some(Order::Act(Action::Slower))),
    plain("sort", "next order of rows", |_| Some(Order::Act(Action::Sort))),
    plain("filter", "filter rows, as /", |_| Some(Order::Act(Action::Filter))),
    plain("copy", "copy, as y", |_| Some(Order::Act(Action::Copy))),
    said("ack", "tell the collector that the incident was seen; with undo: take it back", |rest| {
        about(WordKind::Ack, rest)
    }),
    said("dispute", "say that what it accuses is not the cause; with undo: take it back", |rest| {
        about(WordKind::Dispute, rest)
    }),
    said("quiet", "hold pages for a while; with undo: end it", |rest| about(WordKind::Quiet, rest)),
    plain("help", "keys and signs", |_| Some(Order::Show(Screen::Help))),
    plain("q", "quit", |_| Some(Order::Act(Action::Quit))),
    plain("quit", "quit", |_| Some(Order::Act(Action::Quit))),
    Word {
        word: "export",
        help: "write the incident's report into a file here: markdown, html, json or text",
        order: |form| {
            let found = Form::ALL.into_iter().find(|known| known.word() == form);
            found.or((form.is_empty()).then_some(Form::Markdown)).map(Order::Export)
        },
        arguments: |_| Form::ALL.iter().map(|form| form.word().to_owned()).collect(),
    },
    Word {
        word: "incident",
        help: "choose an incident by its id",
        order: |id| (!id.is_empty()).then(|| Order::Choose(id.to_owned())),
        arguments: |model| model.incidents().iter().map(|incident| incident.id.clone()).collect(),
    },
    Word {
        word: "mouse",
        help: "on or off; while it is on, the terminal selects text with shift",
        order: |word| match word {
            "on" => Some(Order::Mouse(true)),
            "off" => Some(Order::Mouse(false)),
            _ => None,
        },
        arguments: |_| vec!["on".to_owned(), "off".to_owned()],
    },
];

/// Parses `typed`.
///
/// # Errors
/// Why it is no order, and what would be one.
pub(crate) fn order(typed: &str) -> Result<Order, String> {
    let (word, rest) = split(typed);
    // A bare screen's word shows it; `incident` with an id chooses one.
    if rest.is_empty()
        && let Some(screen) = Screen::LISTED.into_iter().find(|screen| screen.title() == word)
    {
        return Ok(Order::Show(screen));
    }
    let Some(known) = WORDS.iter().find(|known| known.word == word) else {
        return Err(format!("`{word}` is no order; tab after : shows them all, ? shows the keys"));
    };
    (known.order)(rest).ok_or_else(|| format!(":{word} takes something else than `{rest}`: {}", known.help))
}

/// The first word, and what follows it.
fn split(typed: &str) -> (&str, &str) {
    let typed = typed.trim();
    typed.split_once(' ').map_or((typed, ""), |(word, rest)| (word, rest.trim()))
}

/// Whole orders that begin with what was typed.
pub(crate) fn completions(model: &Model, typed: &str) -> Vec<String> {
    let typed = typed.trim_start();
    let Some((word, rest)) = typed.split_once(' ') else {
        let screens = Screen::LISTED.iter().map(|screen| screen.title());
        let mut words: Vec<&str> = screens.chain(WORDS.iter().map(|word| word.word)).collect();
        words.retain(|word| word.starts_with(typed));
        words.sort_unstable();
        words.dedup();
        return words.into_iter().map(ToOwned::to_owned).collect();
    };
    let known = WORDS.iter().find(|known| known.word == word);
    let arguments = known.map(|known| (known.arguments)(model)).unwrap_or_default();
    let fitting = arguments.into_iter().filter(|argument| argument.starts_with(rest.trim_start()));
    fitting.map(|argument| format!("{word} {argument}")).collect()
}

/// `typed`, completed as far as all orders agree that begin with it.
pub(crate) fn completed(model: &Model, typed: &str) -> String {
    let all = completions(model, typed);
    let Some(first) = all.first() else { return typed.to_owned() };
    let agrees = |length: &usize| {
        let head = first.get(..*length);
        head.is_some() && all.iter().all(|other| other.get(..*length) == head)
    };
    let length = (0..=first.len()).rev().find(agrees).unwrap_or(0);
    let takes_more =
        all.len() == 1 && WORDS.iter().any(|word| word.word == first && !(word.arguments)(model).is_empty());
    format!("{}{}", first.get(..length).unwrap_or(typed), if takes_more { " " } else { "" })
}

/// A short description of an order; none if its word is unknown.
pub(crate) fn help(typed: &str) -> Option<&'static str> {
    let (word, _) = split(typed);
    let screen = Screen::LISTED.into_iter().find(|screen| screen.title() == word).map(Screen::about);
    screen.or_else(|| WORDS.iter().find(|known| known.word == word).map(|known| known.help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::screen::message::Message;
    use crate::screen::model::Origin;
    use crate::screen::theme::Theme;
    use crate::screen::update::update;
    use std::sync::Arc;

    fn model() -> Model {
        let mut model = Model::new(Origin::Demo, Theme::default());
        update(&mut model, Message::Snapshot(Arc::new(fixture::named())));
        model
    }

    #[test]
    fn every_word_is_an_order_or_says_what_it_takes() {
        for typed in completions(&model(), "") {
            let argument = completions(&model(), &format!("{typed} ")).into_iter().next();
            let whole = argument.unwrap_or_else(|| typed.clone());
            assert!(order(&whole).is_ok(), "{whole}");
            assert!(help(&whole).is_some(), "{whole}");
        }
        assert_eq!(order("rollout"), Ok(Order::Show(Screen::Rollout)));
        assert_eq!(order(" export  html "), Ok(Order::Export(Form::Html)));
        assert!(order("exprot").is_err_and(|why| why.contains("`exprot` is no order")));
        assert!(order("mouse perhaps").is_err_and(|why| why.contains("on or off")));
    }

    #[test]
    fn what_is_typed_is_completed_as_far_as_it_is_clear() {
        let model = model();
        assert_eq!(completions(&model, "ro"), ["rollout", "rows"]);
        assert_eq!(completed(&model, "ro"), "ro");
        assert_eq!(completed(&model, "rol"), "rollout");
        assert_eq!(completed(&model, "exp"), "export ");
        assert_eq!(completed(&model, "export h"), "export html");
        assert_eq!(completed(&model, "incident 2"), "incident 20251118-112804-errors");
        assert_eq!(completed(&model, "zz"), "zz");
    }
}

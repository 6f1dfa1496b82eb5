//! What is typed: a filter, or an order after `:`. A paste is text, and presses no keys.

use super::super::keys::Key;
use super::super::message::Effect;
use super::super::model::{Filter, Model};
use super::super::palette;
use super::super::word_form::Progress;

/// Bytes of what is typed: what fits a line.
const TYPED_BYTES_MAX: usize = 64;
/// Filters that are remembered.
const HISTORY_MAX: usize = 20;

/// A paste types into a filter or an order and does nothing else: a `q` in it would close the screen.
pub(super) fn on_paste(model: &mut Model, text: &str) {
    let letters = text.chars().filter(|character| !character.is_control()).map(Key::Char);
    if let Some(form) = model.word_form.as_mut().filter(|form| form.progress != Progress::Sent) {
        // A sentence that is pasted may be of several lines.
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        words.chars().filter(|character| !character.is_control()).for_each(|letter| form.push(letter));
    } else if model.word_form.is_some() {
        model.remark = None;
    } else if model.palette.is_some() {
        letters.for_each(|letter| drop(edit_palette(model, letter)));
    } else if model.filter.editing {
        letters.for_each(|letter| edit_filter(model, letter));
    } else {
        let count = text.chars().count();
        model.remark = Some(format!("a paste of {count} characters was ignored; keys act one by one"));
    }
}

pub(super) fn edit_filter(model: &mut Model, key: Key) {
    match key {
        Key::Char(character) if model.filter.text.len() < TYPED_BYTES_MAX => model.filter.text.push(character),
        Key::Backspace => {
            model.filter.text.pop();
        }
        Key::Up => recall(model, 1),
        Key::Down => recall(model, -1),
        Key::Enter if !model.screen.takes_filter() => {
            model.filter = Filter::default();
            model.remark =
                Some("/ filters the lists: incidents, suspects, hosts, changes, rows, rollout, panics, deaths".into());
        }
        Key::Enter => {
            model.filter.editing = false;
            model.recalled = None;
            remember(model);
        }
        Key::Escape => {
            model.filter = Filter::default();
            model.recalled = None;
        }
        _ => {}
    }
}

/// Puts an earlier filter in the place of what is typed.
fn recall(model: &mut Model, by: i64) {
    let here = model.recalled.map_or(-1, |recalled| i64::try_from(recalled).unwrap_or(0));
    let next = here.saturating_add(by).min(i64::try_from(model.history.len()).unwrap_or(0) - 1);
    model.recalled = usize::try_from(next).ok();
    let found = model.recalled.and_then(|recalled| model.history.iter().rev().nth(recalled));
    model.filter.text = found.cloned().unwrap_or_default();
}

fn remember(model: &mut Model) {
    let typed = model.filter.text.clone();
    if typed.is_empty() {
        return;
    }
    model.history.retain(|earlier| *earlier != typed);
    model.history.push(typed);
    if model.history.len() > HISTORY_MAX {
        model.history.remove(0);
    }
}

pub(super) fn edit_palette(model: &mut Model, key: Key) -> Vec<Effect> {
    let Some(typed) = model.palette.clone() else { return Vec::new() };
    model.palette = match key {
        Key::Char(character) if typed.len() < TYPED_BYTES_MAX => Some(format!("{typed}{character}")),
        Key::Tab => Some(palette::completed(model, &typed)),
        Key::Backspace if !typed.is_empty() => {
            let shorter = typed.chars().count() - 1;
            Some(typed.chars().take(shorter).collect())
        }
        Key::Backspace | Key::Escape => None,
        Key::Enter => None,
        _ => Some(typed.clone()),
    };
    if key != Key::Enter || typed.trim().is_empty() {
        return Vec::new();
    }
    // What is typed so far is enough where one order alone begins so. An order that is whole is not completed to another.
    let whole = match palette::completions(model, &typed).as_slice() {
        [one] if palette::order(&typed).is_err() => one.clone(),
        _ => typed,
    };
    match palette::order(&whole) {
        Ok(order) => super::carry_out(model, order),
        Err(why) => {
            model.remark = Some(why);
            Vec::new()
        }
    }
}

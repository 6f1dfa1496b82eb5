//! The form of a word: opened by a key, typed into, sent, and closed once the collector has stored the word.

use super::super::keys::Key;
use super::super::message::Effect;
use super::super::model::{Model, Origin};
use super::super::word_form::{Progress, WordForm, WordRequest, taken_back};
use firstbad_protocol::verdict::WordKind;

/// Opens the form.
pub(super) fn open(model: &mut Model, kind: WordKind) {
    if let Some(why) = refused_here(model) {
        model.remark = Some(why);
        return;
    }
    match WordForm::new(model, kind) {
        Ok(form) => model.word_form = Some(form),
        Err(why) => model.remark = Some(why),
    }
}

/// Takes back what was said of the incident shown.
pub(super) fn take_back(model: &mut Model, kind: WordKind) -> Vec<Effect> {
    let request = refused_here(model).map_or_else(|| taken_back(model, kind), Err);
    match request {
        Ok(request) => {
            model.remark = Some("sent to the collector..".to_owned());
            vec![Effect::Say(request)]
        }
        Err(why) => {
            model.remark = Some(why);
            Vec::new()
        }
    }
}

/// Why nothing can be said here; none if it can.
fn refused_here(model: &Model) -> Option<String> {
    let replayed = matches!(model.origin, Origin::Replay(_));
    replayed.then(|| "this is a replay: it has no collector that could store what you say".to_owned())
}

/// Takes a key into the form.
pub(super) fn edit(model: &mut Model, key: Key) -> Vec<Effect> {
    let Some(form) = &mut model.word_form else { return Vec::new() };
    let last = form.fields.len().saturating_sub(1);
    match key {
        Key::Escape => {
            let was_sent = form.progress == Progress::Sent;
            model.word_form = None;
            model.remark = was_sent.then(|| "it was sent; the collector has not answered yet".to_owned());
            return Vec::new();
        }
        // Until the answer is there, the form stays as it was sent.
        _ if form.progress == Progress::Sent => return Vec::new(),
        Key::Enter if form.active == last => return send(form),
        Key::Enter | Key::Tab | Key::Down => form.active = if form.active >= last { 0 } else { form.active + 1 },
        Key::BackTab | Key::Up => form.active = form.active.checked_sub(1).unwrap_or(last),
        Key::Backspace => {
            if let Some(field) = form.fields.get_mut(form.active) {
                field.text.pop();
            }
        }
        Key::Char(character) => form.push(character),
        _ => {}
    }
    form.progress = Progress::Typing;
    Vec::new()
}

fn send(form: &mut WordForm) -> Vec<Effect> {
    match form.request() {
        Ok(request) => {
            form.progress = Progress::Sent;
            vec![Effect::Say(request)]
        }
        Err(why) => {
            form.progress = Progress::Refused(why);
            Vec::new()
        }
    }
}

/// Takes the collector's answer. A refused form stays open, so that what was typed is not lost.
pub(super) fn answered(model: &mut Model, request: &WordRequest, result: Result<String, String>) {
    let is_sent = |form: &&mut WordForm| form.progress == Progress::Sent && form.request().as_ref() == Ok(request);
    match (model.word_form.as_mut().filter(is_sent), result) {
        (Some(_), Ok(told)) => {
            model.word_form = None;
            model.remark = Some(told);
        }
        (Some(form), Err(why)) => form.progress = Progress::Refused(why),
        (None, Ok(told) | Err(told)) => model.remark = Some(told),
    }
}

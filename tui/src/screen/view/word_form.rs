//! The form of a word, above the last line: what is said, of what, and what became of it.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::super::word_form::{CONFIG, FOR, HOST, Progress, WordForm};
use firstbad_protocol::verdict::WordKind;
use ratatui::text::Line;

/// Columns of a field's label.
const LABEL: usize = 8;

/// The form in lines of at most `columns` columns; none while it is closed.
pub(crate) fn lines(model: &Model, columns: usize) -> Vec<Line<'static>> {
    let Some(form) = &model.word_form else { return Vec::new() };
    let line = |role: Role, told: &str| {
        Line::from(model.theme.span(role, text::cut(&text::safe(told, model.theme.ascii), columns)))
    };
    let mut lines = vec![line(Role::Title, &title(model, form))];
    for (place, field) in form.fields.iter().enumerate() {
        let is_active = place == form.active;
        let typed = text::safe(&field.text, model.theme.ascii);
        let (mark, cursor) = if is_active { (">", "_") } else { (" ", "") };
        // Of a long text its end is shown, where it is typed.
        let room = columns.saturating_sub(LABEL + 1 + cursor.len()).max(1);
        let mut told = format!("{mark}{}{}{cursor}", text::pad(field.label, LABEL), end(&typed, room));
        let help = format!("  ({})", field.help);
        if is_active && text::width(&told) + text::width(&help) <= columns {
            told += &help;
        }
        lines.push(line(if is_active { Role::Selected } else { Role::Plain }, &told));
    }
    let (role, told) = match &form.progress {
        Progress::Refused(why) => (Role::Bad, format!("NOT STORED: {why}")),
        Progress::Sent => (Role::Warn, "sent to the collector..".to_owned()),
        Progress::Typing => (Role::Dim, keys(form).to_owned()),
    };
    lines.extend(
        text::wrap(&text::safe(&told, model.theme.ascii), columns, 3).into_iter().map(|told| line(role, &told)),
    );
    lines
}

/// What is about to be said, under which name.
fn title(model: &Model, form: &WordForm) -> String {
    let incident = form.incident.as_deref().unwrap_or_default();
    let said = match form.kind {
        WordKind::Ack => format!("ACK {incident}: it was seen, its page is not repeated"),
        WordKind::Dispute => format!("DISPUTE {incident}: what it accuses is not the cause"),
        WordKind::Quiet => format!("QUIET: {}", held(form)),
    };
    format!("{said}; as {}", model.author)
}

/// Which pages a quiet time would hold.
fn held(form: &WordForm) -> String {
    let time = form.typed(FOR).unwrap_or_else(|| "no time yet".to_owned());
    let of = [CONFIG, HOST].iter().filter_map(|label| Some(format!("{label} {}", form.typed(label)?)));
    let of: Vec<String> = of.collect();
    if of.is_empty() {
        format!("pages of ALL incidents are held for {time}")
    } else {
        format!("pages of {} are held for {time}", of.join(" and "))
    }
}

const fn keys(form: &WordForm) -> &'static str {
    match form.kind {
        WordKind::Ack => "enter sends it, esc gives it up; :ack undo takes it back later",
        WordKind::Dispute => "enter sends it, esc gives it up; :dispute undo takes it back later",
        WordKind::Quiet => "enter: next field, on the last it sends; esc gives it up; :quiet undo ends it",
    }
}

/// The end of `text` in at most `columns` columns; a cut is marked.
fn end(text: &str, columns: usize) -> String {
    if text::width(text) <= columns {
        return text.to_owned();
    }
    let skipped = text
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| text.get(*at..).is_some_and(|rest| text::width(rest) + 2 <= columns));
    format!("..{}", skipped.and_then(|at| text.get(at..)).unwrap_or_default())
}

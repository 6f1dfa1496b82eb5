//! A diagnosis as one HTML file that needs nothing else: no script, no font, no picture from elsewhere. Its text is that of the
//! Markdown report, in which foreign text is already plain words; its charts are SVG.

mod charts;

use super::markdown;
use crate::facts;
use crate::screen::runtime::Contents;
use crate::screen::text;
use firstbad_protocol::Untrusted;
use firstbad_protocol::sentence::{headline, moment};
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Diagnosis, State};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// How often a browser asks for the live page again, seconds.
const REFRESH_S: u32 = 5;

/// Colours for a light and a dark background; nothing is said by colour alone.
const STYLE: &str = include_str!("html/style.css");

/// Every incident of `diagnosis`, for keeping.
pub(crate) fn diagnosis(snapshot: &Snapshot, diagnosis: &Diagnosis, contents: Option<&Contents>) -> String {
    let title = match diagnosis.incidents.as_slice() {
        [one] => headline(one),
        several => format!("{} incidents", several.len()),
    };
    page(&title, "", &with_charts(snapshot, &prose(&markdown::diagnosis(snapshot, diagnosis, contents))))
}

/// The report with the charts below its first status update: what is said first must be read first.
fn with_charts(snapshot: &Snapshot, report: &str) -> String {
    const END: &str = "</blockquote>\n";
    match report.split_once(END) {
        Some((first, rest)) => format!("{first}{END}{}{rest}", charts::all(snapshot)),
        None => format!("{report}{}", charts::all(snapshot)),
    }
}

/// The present state, on a page that reloads itself. Resolved incidents are listed by name; `firstbad report` describes them.
pub(crate) fn live(snapshot: &Snapshot) -> String {
    let whole = &snapshot.diagnosis;
    let is_open = |state: State| state != State::Resolved;
    let (open, over): (Vec<_>, Vec<_>) = whole.incidents.iter().cloned().partition(|incident| is_open(incident.state));
    let title = match open.first() {
        Some(first) => format!("{} open: {}", open.len(), headline(first)),
        None => "no open incident in what is seen".to_owned(),
    };
    let named: String = over.iter().map(|incident| format!("<li>{}</li>\n", escaped(&headline(incident)))).collect();
    let over = if named.is_empty() { named } else { format!("<h2>Over</h2>\n<ul>\n{named}</ul>\n") };
    let only_open = Diagnosis { incidents: open, ..whole.clone() };
    let told = with_charts(snapshot, &prose(&markdown::diagnosis(snapshot, &only_open, None)));
    let body = format!("<p class=\"seen\">{}</p>\n{told}{over}", escaped(&seen(snapshot)));
    page(&title, &format!("<meta http-equiv=\"refresh\" content=\"{REFRESH_S}\">\n"), &body)
}

/// Who reports, and how new the data are.
fn seen(snapshot: &Snapshot) -> String {
    let fleet = snapshot.fleet;
    let at = snapshot
        .diagnosis
        .window
        .to
        .map_or_else(|| "no data yet".to_owned(), |to| format!("data up to {}", moment(to)));
    let hosts = facts::counted(fleet.hosts_reporting, "host");
    format!(
        "{hosts} report, {} silent; {at}; read-only, asked again every {REFRESH_S} s",
        text::count(fleet.hosts_silent)
    )
}

/// The page around `body`. It holds no control, bidirectional or invisible characters, whatever its source.
fn page(title: &str, head: &str, body: &str) -> String {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{head}<title>firstbad: {}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escaped(title)
    );
    page.lines().map(|line| text::safe(line, false) + "\n").collect()
}

/// A Markdown report as HTML. Links, pictures and raw HTML are none of ours, so they become text.
fn prose(markdown: &str) -> String {
    let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES);
    let ours = parser.filter_map(|event| match event {
        Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock)
        | Event::End(TagEnd::Link | TagEnd::Image | TagEnd::HtmlBlock) => None,
        Event::Html(raw) | Event::InlineHtml(raw) => Some(Event::Text(raw)),
        other => Some(other),
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, ours);
    html
}

/// `text` as text or as the value of an attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in Untrusted(text).to_string().chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use std::collections::BTreeSet;
    use unicode_width::UnicodeWidthChar as _;

    /// Names of the elements of a page.
    fn elements(page: &str) -> BTreeSet<String> {
        let names = page.split('<').skip(1).map(|part| {
            part.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect::<String>()
        });
        names.collect()
    }

    #[test]
    fn the_report_is_one_file_that_needs_nothing_else() {
        let snapshot = fixture::named();
        let page = diagnosis(&snapshot, &snapshot.diagnosis, None);
        for part in ["<svg", "bot-features", "time to detect", "What to do, least risk first", "Timeline"] {
            assert!(page.contains(part), "{part}");
        }
        for part in ["<script", "src=", "href=", "url(", "@import", "http-equiv"] {
            assert!(!page.contains(part), "{part}");
        }
        insta::assert_snapshot!("html", page);
    }

    #[test]
    fn the_live_page_asks_again_and_says_how_new_it_is() {
        let page = live(&fixture::named());
        assert!(page.contains("http-equiv=\"refresh\"") && page.contains("data up to 2025-11-18T11:31:22Z"), "{page}");
        assert!(page.contains("<title>firstbad: 1 open: NAMED: bot-features"), "{page}");
        let mut over = fixture::named();
        over.diagnosis.incidents[0].state = State::Resolved;
        let page = live(&over);
        assert!(page.contains("no open incident") && page.contains("<h2>Over</h2>"), "{page}");
        for calm in [live(&fixture::calm()), live(&fixture::empty())] {
            assert!(calm.contains("No incident in what was seen") && !calm.contains("healthy"), "{calm}");
        }
    }

    #[test]
    fn hostile_text_is_neither_markup_nor_hidden() {
        let known = elements(&diagnosis(&fixture::named(), &fixture::named().diagnosis, None));
        let mut snapshot = fixture::hostile();
        let attack = "<script>alert(1)</script><img src=x onerror=y>\" onload=\"z [a](http://evil) &#x3c;b>";
        let incident = &mut snapshot.diagnosis.incidents[0];
        incident.suspects[0].evidence.push(attack.into());
        incident.first_error.as_mut().expect("an error").message = attack.into();
        incident.blind_spots.push(attack.to_owned().into());
        snapshot.lines[0].label = attack.into();
        snapshot.rollouts[0].config = attack.into();
        for page in [diagnosis(&snapshot, &snapshot.diagnosis, None), live(&snapshot)] {
            let added: Vec<String> = elements(&page).difference(&known).cloned().collect();
            assert!(added.iter().all(|name| ["h2", "ul", "li", "meta", "p"].contains(&name.as_str())), "{added:?}");
            let hidden = |c: char| c != '\n' && (c.is_control() || c.width().unwrap_or(0) == 0);
            assert!(!page.contains(hidden), "{:?}", page.chars().find(|c| hidden(*c)));
            // In text and in a value the words may stand; as a name in a tag they would act.
            let tags = page.split('<').skip(1).filter_map(|part| part.split('>').next());
            for tag in tags.map(|tag| tag.split('"').step_by(2).collect::<String>()) {
                assert!(!["onerror", "onload", "href", "src"].iter().any(|name| tag.contains(name)), "{tag}");
            }
        }
    }
}

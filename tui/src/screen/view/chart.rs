//! Lines of the chart as sparklines with the moments of loads, all on one scale. No data is drawn as `?` or a dot, never as
//! zero.

use super::super::model::Model;
use super::super::text;
use super::super::theme::{Role, Theme};
use firstbad_protocol::Hash;
use firstbad_protocol::sentence::{clock, clock_as_of};
use firstbad_protocol::snapshot::{Line as Series, LineRole, Snapshot};
use firstbad_protocol::verdict::{Incident, Signal, Verdict};
use ratatui::text::Line;

/// What the first line of a chart begins with.
pub(crate) const TITLE: &str = "SHARE FAILING OR NOT SCORED";
const LABEL: usize = 22;
const VALUE: usize = 10;
/// Report intervals for which the last value of a line is its value now.
const INTERVALS_NOW: f64 = 3.0;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LEVELS_ASCII: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];

/// The chart in at most `lines_max` lines: a title, then lines by how much they matter, then the loads.
pub(crate) fn chart(
    model: &Model,
    snapshot: &Snapshot,
    incident: Option<&Incident>,
    size: (usize, usize),
) -> Vec<Line<'static>> {
    let (columns, lines_max) = size;
    let (hashes, mark) = incident.map(focus).unwrap_or_default();
    let whole: Vec<Series> = snapshot.lines.iter().map(|line| finished(snapshot, line)).collect();
    let mut series = chosen(&whole, &hashes);
    if series.is_empty() {
        let nothing = match snapshot.lines.is_empty() {
            true => "No request or score was reported yet: there is no rate to draw.",
            false => "No report interval is over yet: there is no rate to draw.",
        };
        let line = Line::from(model.theme.span(Role::Warn, text::cut(nothing, columns)));
        return vec![line].into_iter().take(lines_max).collect();
    }
    // A chart without room must not claim that there are no data, so it stays silent.
    series.truncate(lines_max.saturating_sub(2));
    let Some(first) = series.first() else { return Vec::new() };
    let width = columns.saturating_sub(LABEL + VALUE + 1).max(1);
    let top = series.iter().flat_map(|line| line.points.iter().flatten()).fold(0.01_f64, |top, point| top.max(*point));
    let scale = Scale { theme: model.theme, width, top };
    let mut picture = vec![title(model, first, top, columns)];
    for line in &series {
        let mark = if is_accused(line, &hashes) { mark } else { ' ' };
        picture.push(drawn(scale, line, mark, &now(snapshot, line)));
    }
    picture.push(loads(model.theme, &series, width, &hashes));
    picture.truncate(lines_max);
    picture
}

/// The line without an interval that is still going on: some hosts have reported in it and others have not, and what it shows
/// would change under the reader's eyes.
fn finished(snapshot: &Snapshot, line: &Series) -> Series {
    let mut line = line.clone();
    let whole = line.finished(snapshot.at);
    line.points.truncate(whole);
    line.loads.truncate(whole);
    line
}

fn peak(line: &Series) -> f64 {
    line.points.iter().flatten().fold(0.0, |top, point| top.max(*point))
}

/// The versions that the incident is about, and how their lines are marked: `!` accused, `?` ranked first.
fn focus(incident: &Incident) -> (Vec<Hash>, char) {
    match (&incident.cause, incident.verdict) {
        (Some(cause), verdict) if verdict.accuses() => (cause.hashes.clone(), '!'),
        (None, Verdict::InsufficientEvidence) => {
            (incident.suspects.first().map(|suspect| suspect.hashes.clone()).unwrap_or_default(), '?')
        }
        _ => (Vec::new(), ' '),
    }
}

fn is_accused(line: &Series, hashes: &[Hash]) -> bool {
    line.hashes.iter().any(|hash| hashes.contains(hash))
}

/// Lines of the accused versions first, then what they are held against; errors before scores.
fn chosen<'a>(lines: &'a [Series], hashes: &[Hash]) -> Vec<&'a Series> {
    let rank = |line: &Series| {
        let kind = match line.role() {
            _ if is_accused(line, hashes) => 0,
            LineRole::Fleet if hashes.is_empty() => 0,
            LineRole::Others => 1,
            LineRole::Fleet => 2,
            LineRole::Accused => 3,
        };
        let signal = match line.signal {
            Signal::Errors => 0,
            Signal::Scores => 1,
            _ => 2,
        };
        (kind > 1, signal, kind)
    };
    let mut series: Vec<&Series> = lines.iter().filter(|line| line.points.iter().any(Option::is_some)).collect();
    series.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| peak(b).total_cmp(&peak(a))));
    series
}

fn title(model: &Model, first: &Series, top: f64, columns: usize) -> Line<'static> {
    let length_s = f64::from(u32::try_from(first.points.len().saturating_sub(1)).unwrap_or(0)) * first.step_s;
    let end = first.from + (length_s * 1e9) as i64;
    let told = format!(
        "{TITLE}, {} to {}, scale 0 to {}",
        clock_as_of(first.from, model.now()),
        clock_as_of(end, model.now()),
        text::share(top)
    );
    Line::from(model.theme.span(Role::Title, text::cut(&told, columns)))
}

/// The value now. A version that no host runs has none: what it had last would be read as what is.
fn now(snapshot: &Snapshot, line: &Series) -> String {
    let over = snapshot.at.map_or(0.0, |at| at.since(line.from) as f64 / (line.step_s * 1e9));
    // Reports of the interval that ended last may still be on their way.
    let is_now = |index: usize| over - index as f64 <= INTERVALS_NOW;
    match line.points.iter().rposition(Option::is_some) {
        None => "no data".to_owned(),
        Some(last) if is_now(last) => {
            line.points.iter().flatten().next_back().copied().map_or_else(String::new, text::share)
        }
        Some(last) => {
            let end = line.from + (last as f64 * line.step_s * 1e9) as i64;
            format!("gone {}", clock(end).get(..5).unwrap_or_default())
        }
    }
}

/// What all lines of a chart are drawn with.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    /// Colours and characters.
    pub(crate) theme: Theme,
    /// Cells of a sparkline.
    pub(crate) width: usize,
    /// The share that fills a cell, above 0.
    pub(crate) top: f64,
}

fn drawn(scale: Scale, line: &Series, mark: char, value: &str) -> Line<'static> {
    let Scale { theme, width, .. } = scale;
    let what = match line.signal {
        Signal::Scores => "score ",
        Signal::Errors => "error ",
        other => other.as_str(),
    };
    // The common property of the accused versions is shorter than the label, and says more.
    let property = line.property.as_ref().map(ToString::to_string);
    let label = format!("{mark}{what}{}", text::safe(property.as_ref().unwrap_or(&line.label), theme.ascii));
    let spark = spark(scale, &line.points);
    let role = if mark == '!' { Role::Bad } else { Role::Plain };
    Line::from(vec![
        theme.span(role, text::pad(&label, LABEL)),
        theme.span(role, text::pad(&spark, width)),
        theme.span(role, text::pad_left(value, VALUE + 1)),
    ])
}

/// `points` as a sparkline.
pub(crate) fn spark(scale: Scale, points: &[Option<f64>]) -> String {
    cells(points, scale.width).into_iter().map(|point| glyph(scale.theme, point, scale.top)).collect()
}

fn glyph(theme: Theme, point: Option<f64>, top: f64) -> char {
    let Some(point) = point else { return if theme.ascii { '?' } else { '·' } };
    let levels = if theme.ascii { LEVELS_ASCII } else { LEVELS };
    let level = (point / top * 7.0).ceil().clamp(0.0, 7.0) as usize;
    levels.get(level).copied().unwrap_or(' ')
}

/// `points` in at most `width` cells: the greatest value of each, since a spike is what matters. A cell is `None` only if
/// none of its points has a value.
fn cells(points: &[Option<f64>], width: usize) -> Vec<Option<f64>> {
    spread(points.len(), width)
        .map(|(from, to)| points.iter().take(to).skip(from).flatten().copied().reduce(f64::max))
        .collect()
}

/// Cells that one point takes at most: a chart of a minute must not look like one of an hour.
const STRETCH_MAX: usize = 4;

/// The half-open ranges of points that fall into each cell. Where there are more cells than points, neighbours share one.
fn spread(points: usize, width: usize) -> impl Iterator<Item = (usize, usize)> {
    let cells = width.min(points * STRETCH_MAX);
    let range = move |cell: usize| {
        let from = cell * points / cells;
        (from, ((cell + 1) * points / cells).max(from + 1))
    };
    (0..cells).map(range)
}

fn loads(theme: Theme, series: &[&Series], width: usize, hashes: &[Hash]) -> Line<'static> {
    let points = series.iter().map(|line| line.loads.len()).max().unwrap_or(0);
    let mark = |(from, to): (usize, usize)| {
        let loaded = |line: &&&Series| line.loads.iter().take(to).skip(from).any(|hosts| *hosts > 0);
        let mut loading = series.iter().filter(loaded);
        match (loading.clone().any(|line| is_accused(line, hashes)), loading.next()) {
            (true, _) => '^',
            (false, Some(_)) => '\'',
            (false, None) => ' ',
        }
    };
    let mut drawn = None;
    // A load is marked once, however many cells its interval takes.
    let marks: String = spread(points, width)
        .map(|range| if drawn.replace(range) == Some(range) { ' ' } else { mark(range) })
        .collect();
    let legend = if hashes.is_empty() { " ' loads" } else { " ^ loads of it ' other" };
    Line::from(vec![theme.span(Role::Dim, text::pad(legend, LABEL)), theme.span(Role::Bad, text::pad(&marks, width))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::time::{SECOND_NS, Timestamp};

    #[test]
    fn an_interval_that_goes_on_is_not_drawn() {
        let at = |second: i64| Timestamp(second * SECOND_NS);
        let line = Series {
            signal: Signal::Errors,
            config: None,
            role: Some(LineRole::Fleet),
            property: None,
            label: "fleet".into(),
            hashes: Vec::new(),
            from: at(100),
            step_s: 10.0,
            points: vec![Some(0.1), Some(0.2), Some(0.3)],
            loads: vec![1, 2, 3],
        };
        let drawn = |second| {
            let line = finished(&Snapshot { at: Some(at(second)), ..crate::fixture::empty() }, &line);
            (line.points.len(), line.loads.len())
        };
        assert_eq!([90, 100, 119, 120, 500].map(drawn), [(0, 0), (1, 1), (2, 2), (3, 3), (3, 3)]);
    }
}

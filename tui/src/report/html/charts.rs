//! The charts of a report as SVG: shares that fail or are not scored, and hosts by version. Where nothing is known, a line has a
//! gap; it is never drawn as zero.

use super::escaped;
use crate::screen::text::{share, width};
use firstbad_protocol::sentence::{clock, moment};
use firstbad_protocol::snapshot::{Line, LineRole, RolloutView, Snapshot};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Cause, Signal};
use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 190.0;
/// Room for the scale at the left, and for times below.
const LEFT: f64 = 52.0;
const BELOW: f64 = 22.0;
/// Configs whose rollout is drawn.
const ROLLOUTS_MAX: usize = 2;
/// Points per character of a legend, roughly.
const LEGEND_STEP: f64 = 7.0;

/// Every chart for which there are data.
pub(super) fn all(snapshot: &Snapshot) -> String {
    let mut rollouts: Vec<&RolloutView> = snapshot.rollouts.iter().collect();
    let is_cause = |rollout: &RolloutView| causes(snapshot).any(|cause| cause.config.as_ref() == Some(&rollout.config));
    rollouts.sort_by_key(|rollout| !is_cause(rollout));
    let rollouts = rollouts.into_iter().take(ROLLOUTS_MAX).map(|rollout| of_rollout(snapshot, rollout));
    std::iter::once(of_shares(snapshot)).chain(rollouts).collect()
}

/// The causes of all incidents, resolved ones included.
fn causes(snapshot: &Snapshot) -> impl Iterator<Item = &Cause> {
    let accusing = snapshot.diagnosis.incidents.iter().filter(|incident| incident.verdict.accuses());
    accusing.filter_map(|incident| incident.cause.as_ref())
}

/// The time that a chart covers.
#[derive(Clone, Copy)]
struct Axis {
    from: Timestamp,
    to: Timestamp,
}

impl Axis {
    /// Distance of a moment from the left, points.
    fn x(self, at: Timestamp) -> f64 {
        let length = self.to.since(self.from).max(1) as f64;
        LEFT + (WIDTH - LEFT) * (at.since(self.from) as f64 / length).clamp(0.0, 1.0)
    }
}

/// Distance of a share from the top, points; `top` is the share at the upper edge.
fn y(share: f64, top: f64) -> f64 {
    (HEIGHT - BELOW) * (1.0 - (share / top).clamp(0.0, 1.0))
}

/// The moment of a point.
fn at(from: Timestamp, step_s: f64, index: usize) -> Timestamp {
    from + (index as f64 * step_s * 1e9) as i64
}

/// Axis, scale and legend height of a chart.
#[derive(Clone, Copy)]
struct Frame {
    axis: Axis,
    /// The share at the upper edge.
    top: f64,
    /// Height of the legend, points.
    below: f64,
}

/// A chart: `drawn` within its frame.
fn figure(title: &str, frame: Frame, drawn: &str) -> String {
    let Frame { axis, top, below } = frame;
    let bottom = HEIGHT - BELOW;
    let mut svg = format!(
        "<figure>\n<figcaption>{}</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">\n",
        escaped(title),
        HEIGHT + below,
        escaped(title)
    );
    // Writing to a String cannot fail.
    for value in [0.0, top / 2.0, top] {
        let y = y(value, top);
        let _ = writeln!(svg, "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{WIDTH}\" y2=\"{y:.1}\"/>");
        let text_y = y.max(10.0);
        let _ = writeln!(svg, "<text x=\"0\" y=\"{text_y:.1}\">{}</text>", share(value));
    }
    let end = escaped(&clock(axis.to));
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{:.1}\">{}</text>", bottom + 16.0, escaped(&moment(axis.from)));
    let _ = writeln!(svg, "<text x=\"{WIDTH}\" y=\"{:.1}\" text-anchor=\"end\">{end}</text>", bottom + 16.0);
    svg + drawn + "</svg>\n</figure>\n"
}

/// One entry of the legend below a chart.
struct Legend {
    class: String,
    text: String,
}

/// Marks below a chart, and the height that they take, points.
struct Legends {
    drawn: String,
    height: f64,
}

fn legends(legends: &[Legend]) -> Legends {
    let (mut x, mut y, mut drawn) = (LEFT, HEIGHT + 14.0, String::new());
    for Legend { class, text } in legends {
        let length = 30.0 + LEGEND_STEP * width(text) as f64;
        if x > LEFT && x + length > WIDTH {
            (x, y) = (LEFT, y + BELOW);
        }
        let safe = escaped(text);
        let _ =
            writeln!(drawn, "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\"/>", y - 9.0);
        let _ = writeln!(drawn, "<text x=\"{:.1}\" y=\"{y:.1}\">{safe}</text>", x + 14.0);
        x += length;
    }
    Legends { drawn, height: y - HEIGHT + 8.0 }
}

fn of_shares(snapshot: &Snapshot) -> String {
    let lines: Vec<&Line> = snapshot.lines.iter().filter(|line| line.points.iter().any(Option::is_some)).collect();
    let ends = lines.iter().map(|line| at(line.from, line.step_s, line.finished(snapshot.at).saturating_sub(1)));
    let (Some(from), Some(to)) = (lines.iter().map(|line| line.from).min(), ends.max()) else { return String::new() };
    let axis = Axis { from, to };
    let top = lines.iter().flat_map(|line| line.points.iter().flatten()).fold(0.01_f64, |top, point| top.max(*point));
    let mut drawn: String = lines.iter().map(|line| curve(snapshot, line, axis, top)).collect();
    let named = |line: &&Line| {
        let kind = if line.signal == Signal::Scores { "not scored" } else { "failing" };
        Legend { class: class(line), text: format!("{kind}: {}", line.label) }
    };
    let named = legends(&lines.iter().map(named).collect::<Vec<_>>());
    drawn += &named.drawn;
    let title = "Share of requests that fail or are not scored; marks at the bottom are loads";
    figure(title, Frame { axis, top, below: named.height }, &drawn)
}

fn class(line: &Line) -> String {
    let role = match line.role() {
        LineRole::Accused => "accused",
        LineRole::Others => "others",
        LineRole::Fleet => "fleet",
    };
    format!("{role}{}", if line.signal == Signal::Scores { " scores" } else { "" })
}

/// A line of the chart, with a mark where its versions were loaded.
fn curve(snapshot: &Snapshot, line: &Line, axis: Axis, top: f64) -> String {
    let finished = line.finished(snapshot.at);
    let (mut drawn, mut open) = (String::new(), Vec::new());
    let x = |index: usize| axis.x(at(line.from, line.step_s, index));
    let class = class(line);
    for index in 0..=finished {
        match line.points.get(index).copied().flatten().filter(|_| index < finished) {
            Some(point) => open.push(format!("{:.1},{:.1}", x(index), y(point, top))),
            None if !open.is_empty() => {
                // A single point would be a line without length.
                if open.len() == 1 {
                    open.extend_from_within(..);
                }
                let points = std::mem::take(&mut open);
                let _ = writeln!(
                    drawn,
                    "<polyline class=\"{class}\" stroke-linecap=\"round\" points=\"{}\"/>",
                    points.join(" ")
                );
            }
            None => {}
        }
    }
    let loads = line.loads.iter().enumerate().take(finished).filter(|(_, hosts)| **hosts > 0);
    for (index, _) in loads.filter(|_| line.signal == Signal::Errors) {
        let (x, bottom) = (x(index), HEIGHT - BELOW);
        let _ = writeln!(
            drawn,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"3\" height=\"8\"/>",
            x - 1.5,
            bottom - 8.0
        );
    }
    drawn
}

/// Hosts by version, one above the other, as shares of all hosts whose version is known.
fn of_rollout(snapshot: &Snapshot, rollout: &RolloutView) -> String {
    let points = rollout.others.len();
    if points < 2 {
        return String::new();
    }
    let axis = Axis { from: rollout.from, to: at(rollout.from, rollout.step_s, points - 1) };
    let mut below = vec![0.0; points];
    let (mut drawn, mut named) = (String::new(), Vec::new());
    let listed = rollout.versions.iter().rev().map(|version| (Some(version.hash), version.hosts.as_slice()));
    let others = std::iter::once((None, rollout.others.as_slice()));
    for (place, (hash, hosts)) in others.chain(listed).enumerate() {
        if hosts.iter().all(|hosts| *hosts == 0) {
            continue;
        }
        let accused = causes(snapshot).any(|cause| hash.is_some_and(|hash| cause.hashes.contains(&hash)));
        let class = if accused { "bad".to_owned() } else { format!("v{}", (place + 6) % 7) };
        let above: Vec<f64> = below
            .iter()
            .enumerate()
            .map(|(index, below)| {
                below + f64::from(hosts.get(index).copied().unwrap_or(0)) / rollout.all(index).max(1) as f64
            })
            .collect();
        drawn += &area(&class, rollout, axis, Band { below: &below, above: &above });
        let name = hash.map_or_else(|| "other versions".to_owned(), |hash| hash.short());
        named.push(Legend { class, text: if accused { format!("{name} accused") } else { name } });
        below = above;
    }
    let title = format!("Rollout of {}: share of hosts by version", rollout.config);
    let named = legends(&named);
    figure(&title, Frame { axis, top: 1.0, below: named.height }, &(drawn + &named.drawn))
}

/// Both edges of an area, as shares.
#[derive(Clone, Copy)]
struct Band<'a> {
    below: &'a [f64],
    above: &'a [f64],
}

fn area(class: &str, rollout: &RolloutView, axis: Axis, band: Band<'_>) -> String {
    let point = |(index, share): (usize, &f64)| {
        format!("{:.1},{:.1}", axis.x(at(rollout.from, rollout.step_s, index)), y(*share, 1.0))
    };
    let there = band.above.iter().enumerate().map(point);
    let back = band.below.iter().enumerate().rev().map(point);
    let points: Vec<String> = there.chain(back).collect();
    format!("<polygon class=\"{class}\" points=\"{}\"/>\n", points.join(" "))
}

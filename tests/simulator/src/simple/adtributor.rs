//! Adtributor (Bhagwan et al., "Adtributor: Revenue Debugging in Advertising Systems", NSDI 2014) on failed requests per
//! cell: forecast is the mean before the onset. An element's explanatory power is its part of the change, its surprise the
//! Jensen-Shannon divergence of its shares. In each dimension the most surprising elements of enough power of their own
//! (`T_EEP` 0.1) are taken until together they explain enough (`T_EP` 0.67); the most surprising dimension wins. In the
//! short form, the dimension's most powerful element is named, if it explains as much alone.

use super::{Asked, Board, Element, best};
use firstbad_diagnosis::observation::Name;
use std::collections::BTreeMap;

/// Explanatory power that a set of elements must reach.
const ENOUGH: f64 = 0.67;
/// Explanatory power that each of them must have.
const EACH: f64 = 0.1;

/// Failed requests per cell before the onset and since.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    /// Mean before the onset.
    forecast: f64,
    /// Mean since.
    actual: f64,
}

pub(super) fn published(board: &Board, asked: Asked) -> Vec<Element> {
    let Some((dimensions, total)) = changes(board, asked) else { return Vec::new() };
    let candidates = dimensions.values().filter_map(|elements| candidate(elements, total));
    candidates.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, elements)| elements).unwrap_or_default()
}

pub(super) fn short(board: &Board, asked: Asked) -> Vec<Element> {
    let Some((dimensions, total)) = changes(board, asked) else { return Vec::new() };
    let explained = dimensions.values().filter_map(|elements| {
        let strong = elements.iter().filter(|(_, change)| power(*change, total) > EACH);
        let sums = strong.map(|(_, change)| (power(*change, total), surprise(*change, total)));
        let (power, surprise) = sums.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (power > ENOUGH).then_some((surprise, elements))
    });
    let Some((_, elements)) = explained.max_by(|a, b| a.0.total_cmp(&b.0)) else { return Vec::new() };
    best(elements.iter().map(|(element, change)| (power(*change, total), element)), ENOUGH)
}

/// Elements by dimension.
type Dimensions = BTreeMap<Name, Vec<(Element, Change)>>;

/// By dimension, each element's change; and that of the whole. None unless failures grew.
fn changes(board: &Board, asked: Asked) -> Option<(Dimensions, Change)> {
    let (normal, since) = (board.keys(asked.normal()), board.keys(asked.since()));
    let (before, after) = (board.sums(&normal), board.sums(&since));
    let per_cell = |sum: f64, keys: &[i64]| sum / keys.len().max(1) as f64;
    let change =
        |before: f64, after: f64| Change { forecast: per_cell(before, &normal), actual: per_cell(after, &since) };
    let total = change(board.fleet_sum(&normal).0, board.fleet_sum(&since).0);
    let mut dimensions = Dimensions::new();
    for element in before.keys().chain(after.keys().filter(|element| !before.contains_key(*element))) {
        let failed = |sums: &BTreeMap<&Element, (f64, f64)>| sums.get(*element).map_or(0.0, |cell| cell.0);
        let part = change(failed(&before), failed(&after));
        dimensions.entry(element.dimension()).or_default().push(((*element).clone(), part));
    }
    (total.actual > total.forecast).then_some((dimensions, total))
}

/// The part of the change that an element explains.
fn power(part: Change, total: Change) -> f64 {
    (part.actual - part.forecast) / (total.actual - total.forecast)
}

/// How far an element's share of the actual whole is from its share of the forecast one.
fn surprise(part: Change, total: Change) -> f64 {
    let (p, q) = (part.forecast / total.forecast.max(1e-9), part.actual / total.actual.max(1e-9));
    let half = |x: f64| if x > 0.0 { 0.5 * x * (2.0 * x / (p + q)).ln() } else { 0.0 };
    half(p) + half(q)
}

/// A dimension's surprise and the few elements that explain the change, most surprising first; none if they do not.
fn candidate(elements: &[(Element, Change)], total: Change) -> Option<(f64, Vec<Element>)> {
    let mut sorted: Vec<(f64, f64, &Element)> =
        elements.iter().map(|(element, change)| (surprise(*change, total), power(*change, total), element)).collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut explained, mut surprising, mut taken) = (0.0, 0.0, Vec::new());
    for (surprise, power, element) in sorted.into_iter().filter(|(_, power, _)| *power > EACH) {
        taken.push(element.clone());
        (explained, surprising) = (explained + power, surprising + surprise);
        if explained > ENOUGH {
            return Some((surprising, taken));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(value: &str) -> Element {
        Element::Place("cloud.region".into(), value.into())
    }

    fn change(forecast: f64, actual: f64) -> Change {
        Change { forecast, actual }
    }

    #[test]
    fn power_and_surprise_of_a_small_table() {
        // 100 failures become 200; this element's 50 become 120: 70 of 100, and a share of 0.5 becomes 0.6.
        let total = change(100.0, 200.0);
        assert!((power(change(50.0, 120.0), total) - 0.7).abs() < 1e-9);
        let expected = 0.5 * (0.5 * (1.0_f64 / 1.1).ln() + 0.6 * (1.2_f64 / 1.1).ln());
        assert!((surprise(change(50.0, 120.0), total) - expected).abs() < 1e-12);
        assert!((surprise(change(0.0, 100.0), total) - 0.25 * 2_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn few_surprising_elements_explain_the_change() {
        // Of a change of 100: eu 80 and us 5 and ap 15; eu alone explains enough and is the most surprising.
        let (eu, us, ap) = (change(20.0, 100.0), change(50.0, 55.0), change(30.0, 45.0));
        let table = [(place("eu"), eu), (place("us"), us), (place("ap"), ap)];
        let (surprise, named) = candidate(&table, change(100.0, 200.0)).expect("a candidate");
        assert_eq!(named, [place("eu")]);
        assert!(surprise > 0.0);
        // Ten equal elements explain a tenth each, which is not more than a tenth.
        let even: Vec<(Element, Change)> = (0..10).map(|i| (place(&i.to_string()), change(10.0, 20.0))).collect();
        assert_eq!(candidate(&even, change(100.0, 200.0)), None);
    }
}

//! State that is kept between sessions: the screen shown last, filters in force and typed before, orders of rows, the grouping of
//! the rollout. An engineer who opens firstbad first needs to see the open incidents, so a kept screen gives way to one.

use super::model::{Filter, Model};
use super::screens::Screen;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Filters remembered, and bytes of each.
const FILTERS_MAX: usize = 20;
const FILTER_BYTES_MAX: usize = 64;

/// The kept state. It is read from a file, so every value is checked before use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    /// The word of the screen shown last; empty: the first one.
    pub(crate) screen: String,
    /// The filter in force by the screen's word.
    pub(crate) in_force: BTreeMap<String, String>,
    /// Filters typed, latest last.
    pub(crate) filters: Vec<String>,
    /// The order of rows by the screen's word.
    pub(crate) orders: BTreeMap<String, usize>,
    /// Index of the rollout's grouping.
    pub(crate) grouping: usize,
}

impl Memory {
    /// The part of `model` that is kept.
    pub(crate) fn of(model: &Model) -> Self {
        let orders = model.orders.iter().map(|(screen, order)| (screen.title().to_owned(), *order));
        // Help and what was opened whole have no key: the screen before them is kept.
        let is_listed = |screen: &Screen| Screen::LISTED.contains(screen);
        let screen = Some(model.screen).filter(is_listed).or_else(|| model.trail.iter().rev().copied().find(is_listed));
        let filters = model.filters.iter().chain([(&model.screen, &model.filter)]);
        let in_force = filters.filter(|(screen, filter)| screen.takes_filter() && !filter.text.is_empty());
        Self {
            screen: screen.map_or_else(String::new, |screen| screen.title().to_owned()),
            in_force: in_force.map(|(screen, filter)| (screen.title().to_owned(), filter.text.clone())).collect(),
            filters: model.history.clone(),
            orders: orders.collect(),
            grouping: model.grouping,
        }
    }

    /// Puts it into `model`. What no screen knows is left out.
    pub(crate) fn recall(self, model: &mut Model) {
        let fits = |filter: &String| filter.len() <= FILTER_BYTES_MAX && !filter.contains(char::is_control);
        let of_screen = |screen: &Screen| {
            let text = self.in_force.get(screen.title()).filter(|text| fits(text) && screen.takes_filter())?;
            Some((*screen, Filter { text: text.clone(), editing: false }))
        };
        model.filters = Screen::LISTED.iter().filter_map(of_screen).collect();
        let fitting: Vec<String> = self.filters.into_iter().filter(fits).collect();
        let skipped = fitting.len().saturating_sub(FILTERS_MAX);
        model.history = fitting.into_iter().skip(skipped).collect();
        let known = |screen: &Screen| Some((*screen, *self.orders.get(screen.title())?));
        let orders = Screen::LISTED.iter().filter_map(known);
        model.orders = orders.filter(|(screen, order)| *order < screen.orders().len()).collect();
        model.grouping = self.grouping;
        let shown = Screen::LISTED.into_iter().find(|screen| screen.title() == self.screen);
        if let Some(screen) = shown.filter(|screen| *screen != Screen::Incident) {
            model.screen = screen;
            model.filter = model.filters.remove(&screen).unwrap_or_default();
            model.restored = true;
            // A filter in force has the last line.
            if model.filter.text.is_empty() {
                model.remark = Some(format!("{} as you left it; 1 or esc: the first screen", screen.title()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::model::Origin;
    use crate::screen::theme::Theme;

    #[test]
    fn what_was_shown_typed_and_sorted_is_there_again() {
        let mut model = Model::new(Origin::Demo, Theme::default());
        model.history = vec!["edge-eu".into()];
        model.orders.insert(Screen::Hosts, 5);
        model.filter.text = "edge-us".into();
        model.filters.insert(Screen::Deaths, Filter { text: "signal".into(), editing: true });
        (model.grouping, model.screen) = (2, Screen::Hosts);
        let memory = Memory::of(&model);
        let mut again = Model::new(Origin::Demo, Theme::default());
        memory.recall(&mut again);
        assert_eq!((&again.history, &again.orders, again.grouping), (&model.history, &model.orders, 2));
        assert_eq!((again.screen, again.filter.text.as_str()), (Screen::Hosts, "edge-us"));
        assert_eq!(again.filters.get(&Screen::Deaths), Some(&Filter { text: "signal".into(), editing: false }));
    }

    #[test]
    fn the_screen_behind_the_help_is_the_one_that_is_kept() {
        let mut model = Model::new(Origin::Demo, Theme::default());
        model.trail = vec![Screen::Hosts, Screen::Rollout];
        model.screen = Screen::Help;
        assert_eq!(Memory::of(&model).screen, "rollout");
    }

    #[test]
    fn a_file_that_somebody_else_wrote_does_no_harm() {
        let long = "x".repeat(100_000);
        let bad: [String; 2] = [long, "\u{1b}[2J".into()];
        let filters = bad.iter().cloned().chain((0..50).map(|index| format!("f{index}"))).collect();
        let orders = BTreeMap::from([("hosts".to_owned(), 99), ("nowhere".to_owned(), 1), ("panics".to_owned(), 1)]);
        let named = ["hosts", "deaths", "incident"].map(str::to_owned);
        let in_force = named.into_iter().zip(bad.into_iter().chain(["x".to_owned()])).collect();
        let mut model = Model::new(Origin::Demo, Theme::default());
        Memory { screen: "nowhere".into(), in_force, filters, orders, grouping: usize::MAX }.recall(&mut model);
        assert_eq!((model.history.len(), model.history.last().map(String::as_str)), (20, Some("f49")));
        assert_eq!(model.orders, BTreeMap::from([(Screen::Panics, 1)]));
        assert_eq!((model.screen, model.filters.len(), model.filter.text.as_str()), (Screen::Incident, 0, ""));
    }
}

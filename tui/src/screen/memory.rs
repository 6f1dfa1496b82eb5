//! State that is kept between sessions: typed filters, orders of rows, the grouping of the rollout. The last screen is not kept,
//! because an engineer who opens firstbad first needs to see the open incidents.

use super::model::Model;
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
    /// Filters, latest last.
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
        Self { filters: model.history.clone(), orders: orders.collect(), grouping: model.grouping }
    }

    /// Puts it into `model`. What no screen knows is left out.
    pub(crate) fn recall(self, model: &mut Model) {
        let fits = |filter: &String| filter.len() <= FILTER_BYTES_MAX && !filter.contains(char::is_control);
        let fitting: Vec<String> = self.filters.into_iter().filter(fits).collect();
        let skipped = fitting.len().saturating_sub(FILTERS_MAX);
        model.history = fitting.into_iter().skip(skipped).collect();
        let known = |screen: &Screen| Some((*screen, *self.orders.get(screen.title())?));
        let orders = Screen::LISTED.iter().filter_map(known);
        model.orders = orders.filter(|(screen, order)| *order < screen.orders().len()).collect();
        model.grouping = self.grouping;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::model::Origin;
    use crate::screen::theme::Theme;

    #[test]
    fn what_was_typed_and_sorted_is_there_again_and_nothing_else() {
        let mut model = Model::new(Origin::Demo, Theme::default());
        model.history = vec!["edge-eu".into()];
        model.orders.insert(Screen::Hosts, 5);
        (model.grouping, model.screen) = (2, Screen::Hosts);
        let memory = Memory::of(&model);
        let mut again = Model::new(Origin::Demo, Theme::default());
        memory.recall(&mut again);
        assert_eq!((&again.history, &again.orders, again.grouping), (&model.history, &model.orders, 2));
        assert_eq!(again.screen, Screen::Incident);
    }

    #[test]
    fn a_file_that_somebody_else_wrote_does_no_harm() {
        let long = "x".repeat(100_000);
        let filters = [long, "\u{1b}[2J".into()].into_iter().chain((0..50).map(|index| format!("f{index}"))).collect();
        let orders = BTreeMap::from([("hosts".to_owned(), 99), ("nowhere".to_owned(), 1), ("panics".to_owned(), 1)]);
        let mut model = Model::new(Origin::Demo, Theme::default());
        Memory { filters, orders, grouping: usize::MAX }.recall(&mut model);
        assert_eq!((model.history.len(), model.history.last().map(String::as_str)), (20, Some("f49")));
        assert_eq!(model.orders, BTreeMap::from([(Screen::Panics, 1)]));
    }
}

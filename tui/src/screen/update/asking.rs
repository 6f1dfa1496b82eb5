//! What the screen asks for because somebody looks at it: rows, a backtrace, how the collector fares. Each is asked for once.

use super::super::message::Effect;
use super::super::model::{Backtrace, Comparison, Model, Origin, Screen};
use super::super::site_history::SiteHistory;

/// Time between two questions to the collector how it fares, milliseconds.
const HEALTH_MS: u64 = 5_000;

/// Time between two looks through the moments kept, milliseconds.
const SITE_HISTORY_MS: u64 = 10_000;

/// Everything that what is shown now needs.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    let asked = [ask_for_rows(model), ask_for_backtrace(model), ask_for_site_history(model), ask_for_health(model)];
    asked.into_iter().flatten().collect()
}

/// The rows are compared only when somebody looks at them, and once for each pair.
fn ask_for_rows(model: &mut Model) -> Option<Effect> {
    if model.screen != Screen::Rows {
        return None;
    }
    let pair = model.pair()?;
    let known = match &model.comparison {
        Comparison::None => None,
        Comparison::Asked(pair) | Comparison::Here(pair, _) | Comparison::Failed(pair, _) => Some(*pair),
    };
    if known == Some(pair) {
        return None;
    }
    model.comparison = Comparison::Asked(pair);
    Some(Effect::Compare(pair))
}

/// A backtrace is looked for only when somebody looks at it, and once for each place.
fn ask_for_backtrace(model: &mut Model) -> Option<Effect> {
    let place = model.panic_opened()?;
    let known = match &model.backtrace {
        Backtrace::None => None,
        Backtrace::Asked(place) | Backtrace::Here(place, _) | Backtrace::Failed(place, _) => Some(place),
    };
    if known == Some(&place) {
        return None;
    }
    model.backtrace = Backtrace::Asked(place.clone());
    Some(Effect::FindBacktrace(place))
}

/// The moments kept are looked through when a place is opened, and again while it is shown.
fn ask_for_site_history(model: &mut Model) -> Option<Effect> {
    let site = model.site_opened()?.site.clone();
    let known = model.site_history.as_ref().filter(|known| known.site == site);
    if known.is_some_and(|known| model.now_ms.saturating_sub(known.asked_ms) < SITE_HISTORY_MS) {
        return None;
    }
    model.site_history = Some(SiteHistory { site: site.clone(), asked_ms: model.now_ms, points: Vec::new() });
    Some(Effect::FindSiteHistory(site))
}

/// The collector is asked how it fares while somebody looks.
fn ask_for_health(model: &mut Model) -> Option<Effect> {
    let asked = model.health.asked_ms;
    let is_due = asked.is_none_or(|asked| model.now_ms.saturating_sub(asked) >= HEALTH_MS);
    if model.screen != Screen::Health || matches!(model.origin, Origin::Replay(_)) || !is_due {
        return None;
    }
    model.health.asked_ms = Some(model.now_ms);
    Some(Effect::AskHealth)
}

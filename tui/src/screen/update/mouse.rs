//! The mouse, where somebody turned it on: a click chooses a row or a screen, a click on the chosen row opens it, and the wheel
//! scrolls.

use super::super::keys::Action;
use super::super::message::{Effect, MouseEvent, MouseKind};
use super::super::model::Model;
use super::super::view::{self, Place};

/// Rows of one step of the wheel.
const WHEEL_ROWS: usize = 3;

pub(super) fn on_mouse(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    // What is being typed is neither sent nor lost by a click beside it.
    if model.word_form.is_some() || model.palette.is_some() || model.filter.editing {
        return Vec::new();
    }
    let place = view::place_at(model, event);
    model.remark = None;
    model.restored = false;
    match event.kind {
        MouseKind::WheelUp => scroll(model, Action::Up),
        MouseKind::WheelDown => scroll(model, Action::Down),
        MouseKind::Click => match place {
            Some(Place::Screen(screen)) => super::show(model, screen),
            Some(Place::Row(row)) if row == model.cursor() => return super::act(model, Action::Open),
            Some(Place::Row(row)) => drop(model.cursors.insert(model.screen, row)),
            None => {}
        },
    }
    Vec::new()
}

fn scroll(model: &mut Model, action: Action) {
    for _ in 0..WHEEL_ROWS {
        super::act(model, action);
    }
}

//! What people do first: the latest change before the spike, by the log of changes and loads.

use super::{Asked, Board, Element};

pub(super) fn name(board: &Board, asked: Asked) -> Vec<Element> {
    let before = board.sights().filter(|(_, at)| *at <= asked.onset_ns);
    before.max_by_key(|(_, at)| *at).map(|(element, _)| element.clone()).into_iter().collect()
}

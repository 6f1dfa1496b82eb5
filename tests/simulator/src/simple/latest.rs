//! What people do first: the latest change before the spike.

use super::{Asked, Board, Element};

pub(super) fn name(board: &Board, asked: Asked) -> Vec<Element> {
    let before = board.sights().iter().rev().find(|(at, _)| *at <= asked.onset_ns);
    before.map(|(_, element)| element.clone()).into_iter().collect()
}

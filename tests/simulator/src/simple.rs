//! Simple methods on the same data: what dashboards, the survey's localisers and the fault rankers of microservices would
//! name. All are asked at the same two moments (a minute after the true onset, which the engine is never told, and at the
//! end of the window that the engine gets), only once an alert on failed requests has fired, and see failed requests only.
//! Re-implemented from their formulas; what they say is judged like the engine's answers.

mod adtributor;
mod board;
mod correlation;
mod element;
mod gandalf;
mod latest;
mod macrobase;
mod sigma;

pub use board::Board;
use element::Element;
use firstbad_protocol::verdict::Cause;

/// When a method is asked: cells, the last one not yet over, and the instants that they are of.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Cell of the true onset.
    onset: i64,
    /// Cell of now.
    now: i64,
    onset_ns: i64,
    now_ns: i64,
}

/// Cells before the onset that show what is normal: ten minutes at the usual width.
const NORMAL_CELLS: i64 = 20;

impl Asked {
    fn normal(self) -> core::ops::Range<i64> {
        self.onset - NORMAL_CELLS..self.onset
    }

    fn since(self) -> core::ops::Range<i64> {
        self.onset..self.now + 1
    }
}

type Method = fn(&Board, Asked) -> Vec<Element>;

/// Every method: its name, and what it names; several elements are versions of one config, the most telling one first.
const METHODS: [(&str, Method); 9] = [
    ("latest change", latest::name),
    ("share correlation", correlation::name),
    ("Adtributor, short form", adtributor::short),
    ("Adtributor", adtributor::published),
    ("MacroBase, last minute", macrobase::last_minute),
    ("MacroBase", macrobase::batch),
    ("N-Sigma", sigma::standard),
    ("BARO", sigma::robust),
    ("Gandalf-style vote", gandalf::name),
];

/// What each method names, given the true onset and now; nothing while no alert has fired.
#[must_use]
pub fn answers(board: &Board, onset_ns: i64, now_ns: i64) -> Vec<(&'static str, Option<Cause>)> {
    let asked = Asked { onset: board.cell_of(onset_ns), now: board.cell_of(now_ns), onset_ns, now_ns };
    let alert = sigma::alerts(board, asked);
    let answer = |(name, method): &(&'static str, Method)| {
        let named = if alert { method(board, asked) } else { Vec::new() };
        (*name, element::cause(&named))
    };
    METHODS.iter().map(answer).collect()
}

/// The best scored element, if better than `least`.
fn best<'a>(scored: impl Iterator<Item = (f64, &'a Element)>, least: f64) -> Vec<Element> {
    let top = scored.filter(|(score, _)| *score > least).max_by(|a, b| a.0.total_cmp(&b.0));
    top.map(|(_, element)| element.clone()).into_iter().collect()
}

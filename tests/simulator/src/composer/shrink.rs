//! Makes a failing draw smaller: leaves out nuisances one by one, then hosts, as long as the same kind of fault remains.

use super::{Draw, Outcome, Recipe};

/// A draw that cannot be made smaller without losing its fault.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The recipe of the smaller draw.
    pub recipe: Recipe,
    /// The fault of the verdict on it.
    pub fault: String,
    /// Number of smaller draws that were tried.
    pub tried: usize,
}

/// Shrinks the draw of `seed`, and returns none if it has no fault. `ask` runs a draw and returns its outcome.
///
/// # Errors
/// The errors of `ask`.
pub fn shrink<E>(seed: u64, mut ask: impl FnMut(&Draw) -> Result<Outcome, E>) -> Result<Option<Shrunk>, E> {
    let mut recipe = Recipe::whole(seed);
    let mut draw = Draw::compose(&recipe);
    let Some(mut fault) = ask(&draw)?.fault() else { return Ok(None) };
    let mut tried = 0;
    let mut attempt = |candidate: &Recipe, fault: &mut String| -> Result<Option<Draw>, E> {
        let draw = Draw::compose(candidate);
        tried += 1;
        let same = ask(&draw)?.fault().filter(|new| kind(new) == kind(fault));
        Ok(same.map(|new| {
            *fault = new;
            draw
        }))
    };
    for number in draw.nuisances() {
        let mut candidate = recipe.clone();
        candidate.dropped.push(number);
        if let Some(smaller) = attempt(&candidate, &mut fault)? {
            (draw, recipe) = (smaller, candidate);
        }
    }
    while draw.hosts() > 3 {
        let candidate = Recipe { hosts_max: draw.hosts() / 2, ..recipe.clone() };
        match attempt(&candidate, &mut fault)? {
            Some(smaller) => (draw, recipe) = (smaller, candidate),
            None => break,
        }
    }
    Ok(Some(Shrunk { recipe, fault, tried }))
}

/// Returns the kind of a fault: its words up to the colon.
fn kind(fault: &str) -> &str {
    fault.split(':').next().unwrap_or(fault)
}

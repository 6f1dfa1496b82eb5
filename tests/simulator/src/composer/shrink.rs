//! Makes a failing draw small: nuisances are left out one by one, then hosts, as long as the same kind of fault remains.

use super::{Draw, Outcome, Recipe};

/// A draw that cannot be made smaller without losing its fault.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// How to make it.
    pub recipe: Recipe,
    /// What is wrong with what was said of it.
    pub fault: String,
    /// How many smaller draws were tried.
    pub tried: usize,
}

/// Shrinks the draw of `seed`, asking `ask` for the outcome of each; none if nothing is wrong with it.
///
/// # Errors
/// Those of `ask`.
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

/// The kind of a fault: its words up to the colon.
fn kind(fault: &str) -> &str {
    fault.split(':').next().unwrap_or(fault)
}

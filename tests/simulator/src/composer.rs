//! The composer: random fleets with a random truth and random nuisances, as OTLP lines, with what may be said of each fixed
//! beforehand. A seed is a draw. It is written from the contract and from reports of outages, without a look into the
//! engine; the runner that feeds the lines to intake and engine is the crate `firstbad-composer`, so that the engine's
//! bench builds without the collector.

mod background;
mod chance;
mod content;
mod counts;
mod effect;
mod evidence;
mod fleet;
mod guilt;
mod judge;
mod noise;
mod nuisance;
mod oracle;
mod outcome;
mod play;
mod process;
mod push;
mod rules;
mod said;
mod show;
mod shrink;
mod spells;
mod style;
mod telemetry;
mod timeline;
mod truth;
mod wire;
mod world;

#[cfg(test)]
mod tests;

pub use nuisance::{Origin, origins};
pub use outcome::Outcome;
pub use shrink::{Shrunk, shrink};

use judge::Judge;
use play::Played;
use said::Said;
use world::World;

/// What a draw is made from: it says everything, so that a failing draw can be written down in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The draw.
    pub seed: u64,
    /// Most hosts; a shrunk draw has fewer than its seed would give it.
    pub hosts_max: usize,
    /// Nuisances that are left out, by their number in the draw.
    pub dropped: Vec<usize>,
}

impl Recipe {
    /// The whole draw of `seed`.
    #[must_use]
    pub const fn whole(seed: u64) -> Self {
        Self { seed, hosts_max: usize::MAX, dropped: Vec::new() }
    }
}

/// A draw, played.
#[derive(Debug)]
pub struct Draw {
    recipe: Recipe,
    world: World,
    played: Played,
}

impl Draw {
    /// Draws and plays `recipe`.
    #[must_use]
    pub fn compose(recipe: &Recipe) -> Self {
        let world = World::draw(recipe.seed, recipe.hosts_max, |number| !recipe.dropped.contains(&number));
        let played = play::play(&world);
        Self { recipe: recipe.clone(), world, played }
    }

    /// The capture: OTLP/JSON lines in the order of their arrival.
    #[must_use]
    pub fn capture(&self) -> &[u8] {
        &self.played.lines
    }

    /// Hosts of the draw.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.world.fleet.hosts.len()
    }

    /// Nuisances of the draw that are not left out, by number.
    #[must_use]
    pub fn nuisances(&self) -> Vec<usize> {
        (0..self.world.nuisances.len()).filter(|number| !self.recipe.dropped.contains(number)).collect()
    }

    /// What the verdict `json` (contract.md section 6) comes to.
    ///
    /// # Errors
    /// If it is no such JSON.
    pub fn judge(&self, json: &str) -> Result<Outcome, serde_json::Error> {
        Ok(Judge::new(&self.world, &self.played.evidence).judge(&Said::read(json)?))
    }

    /// Fleet, truth, nuisances and pushes in words.
    #[must_use]
    pub fn show(&self) -> String {
        show::text(&self.world, &Judge::new(&self.world, &self.played.evidence), &self.recipe.dropped)
    }
}

//! The composer: random fleets with a random truth and random nuisances, as OTLP lines, together with the admissible
//! verdicts, which are fixed before any engine runs. Each seed makes one draw. The composer follows the contract and reports
//! of outages, and knows nothing of the engine. The crate `firstbad-composer` feeds the lines to intake and engine, so that
//! the engine's bench builds without the collector.

mod background;
mod chance;
mod content;
mod counts;
mod dating;
mod diagnosis;
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
mod refused;
mod rules;
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

pub use nuisance::{Origin, OriginCount, origins};
pub use outcome::Outcome;
pub use shrink::{Shrunk, shrink};

use diagnosis::Diagnosis;
use judge::Judge;
use play::Played;
use world::World;

/// Everything that determines a draw, so that a failing draw can be written down in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Seed of the draw.
    pub seed: u64,
    /// Greatest number of hosts. It makes a shrunk draw smaller than the draw of its seed.
    pub hosts_max: usize,
    /// Numbers of the nuisances that are left out.
    pub dropped: Vec<usize>,
}

impl Recipe {
    /// Returns the recipe of the whole draw of `seed`.
    #[must_use]
    pub const fn whole(seed: u64) -> Self {
        Self { seed, hosts_max: usize::MAX, dropped: Vec::new() }
    }
}

/// A draw and its telemetry.
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

    /// Returns the capture: OTLP/JSON lines in the order of their arrival.
    #[must_use]
    pub fn capture(&self) -> &[u8] {
        &self.played.lines
    }

    /// Returns the number of hosts.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.world.fleet.hosts.len()
    }

    /// Returns the numbers of the nuisances that are not left out.
    #[must_use]
    pub fn nuisances(&self) -> Vec<usize> {
        (0..self.world.nuisances.len()).filter(|number| !self.recipe.dropped.contains(number)).collect()
    }

    /// Judges the verdict `json` (contract.md section 6).
    ///
    /// # Errors
    /// If `json` is not a verdict.
    pub fn judge(&self, json: &str) -> Result<Outcome, serde_json::Error> {
        Ok(Judge::new(&self.world, &self.played.evidence).judge(&Diagnosis::read(json)?))
    }

    /// Describes fleet, truth, nuisances and pushes in words.
    #[must_use]
    pub fn show(&self) -> String {
        show::text(&self.world, &Judge::new(&self.world, &self.played.evidence), &self.recipe.dropped)
    }
}

//! Versions and the facts that load events tell of them. When they are published is `schedule`'s business.

use crate::random::Random;
use crate::scenario::{ConfigSpec, ContentSpec};
use firstbad_diagnosis::observation::{Facts, Name};
use firstbad_protocol::Hash;

/// One version of one config.
#[derive(Clone, Debug)]
pub struct Version {
    /// Index of its config.
    pub config: usize,
    /// Identity.
    pub hash: Hash,
    /// What load events tell.
    pub facts: Facts,
    /// Word by which effects and answers mean it; none for ordinary ones.
    pub tag: Option<String>,
}

/// Makes the versions of one config.
#[derive(Debug)]
pub struct Producer {
    config: usize,
    random: Random,
    rows: f64,
    limit: i64,
    row_bytes: f64,
    columns: i64,
    generation: i64,
    nodes: usize,
    facts: bool,
    salt: u64,
}

impl Producer {
    /// The producer of config number `config`.
    #[must_use]
    pub fn new(config: usize, spec: &ConfigSpec, seed: u64) -> Self {
        let mut random = Random::fork(seed, &format!("content:{}", spec.name));
        Self {
            config,
            rows: spec.rows.draw(&mut random).round(),
            limit: spec.limit_rows.draw(&mut random).round() as i64,
            row_bytes: random.between(30.0, 120.0),
            columns: random.between(2.0, 9.0) as i64,
            generation: random.between(1000.0, 9000.0) as i64,
            nodes: random.below(6) + 2,
            facts: spec.facts,
            salt: random.bits(),
            random,
        }
    }

    /// The next ordinary version.
    pub fn ordinary(&mut self) -> Version {
        self.generation += 1;
        self.version(&ContentSpec::default(), None)
    }

    /// The next version with `content`; `same_generation` keeps the number of the one before.
    pub fn special(&mut self, content: &ContentSpec, tag: &str, same_generation: bool) -> Version {
        if !same_generation {
            self.generation += 1;
        }
        if let Some(back) = &content.generations_back {
            self.generation -= back.draw(&mut self.random).round() as i64;
        }
        self.version(content, Some(tag.to_owned()))
    }

    fn version(&mut self, content: &ContentSpec, tag: Option<String>) -> Version {
        let r = &mut self.random;
        let ordinary_rows = (self.rows + r.normal() * 1.5).round().max(1.0);
        let wanted = content.rows.as_ref().map(|n| n.draw(r));
        let of_limit = content.rows_of_limit.as_ref().map(|n| n.draw(r) * self.limit as f64);
        let rows = wanted.or(of_limit).map_or(ordinary_rows, f64::round);
        let duplicates = content.duplicate_share.as_ref().map_or(0.0, |n| (n.draw(r) * rows).round());
        let factor = content.size_factor.as_ref().map_or(1.0, |n| n.draw(r));
        let size = (rows * self.row_bytes * factor * (1.0 + 0.01 * r.normal())).round().max(0.0);
        let blanks = content.blank_fields.as_ref().map_or(0.0, |n| n.draw(r).round());
        let columns = content.columns.as_ref().map_or(self.columns, |n| n.draw(r).round() as i64);
        let node = r.below(self.nodes) + 1;
        let source = content.source.clone().unwrap_or_else(|| format!("node-{node}"));
        let identity = format!("{}/{}/{}/{}", self.salt, self.config, self.generation, r.bits());
        let mut facts = Facts::default();
        if self.facts {
            let numbers = [
                ("rows", rows as i64),
                ("duplicate_rows", duplicates as i64),
                ("size", size as i64),
                ("blank_fields", blanks as i64),
                ("columns", columns),
                ("generation", self.generation),
            ];
            facts.numbers = numbers.into_iter().map(|(name, value)| (Name::from(name), value)).collect();
            facts.words.insert("source".into(), source.as_str().into());
            facts.rowset = Some(Hash::of(format!("{identity}/{}", rows - duplicates).as_bytes()));
            if self.limit > 0 {
                facts.limits.insert("rows".into(), self.limit);
            }
        }
        Version { config: self.config, hash: Hash::of(identity.as_bytes()), facts, tag }
    }
}

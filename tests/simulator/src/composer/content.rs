//! Configs, their versions, and the facts of each that a load event reports. When versions are pushed is decided in `push`.

use super::chance::log_uniform;
use crate::random::Random;
use firstbad_protocol::Hash;

/// Names of configs. A draw has at most this many configs.
const NAMES: [&str; 12] = [
    "bot-features",
    "waf-rules",
    "routes",
    "geo-map",
    "rate-limits",
    "tls-policy",
    "acl",
    "flags",
    "upstreams",
    "quotas",
    "headers",
    "redirects",
];

/// One config.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) name: &'static str,
    /// Share of the requests that use the config.
    pub(crate) use_share: f64,
    /// Whether each request that uses the config gets a score.
    pub(crate) scores: bool,
    /// Declared limit of the number of rows, if there is one.
    pub(crate) limit_rows: Option<i64>,
    rows: f64,
    columns: i64,
    row_bytes: f64,
    generation: i64,
    made: u64,
}

/// The oddity of a version's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// The content is usual.
    None,
    /// More rows than the declared limit; without a limit, more than any version before.
    Oversize,
    /// Duplicate rows.
    Duplicates,
    /// Blank fields.
    Blanks,
    /// No rows.
    Empty,
    /// Another number of columns than before.
    Columns,
    /// A producer that made no version before.
    Source,
    /// An older generation than the version before.
    Backwards,
    /// No publish event declares the version.
    Undeclared,
    /// Other bytes than those of the good version of the same generation.
    Corrupt,
}

/// One version.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) config: usize,
    pub(crate) hash: Hash,
    pub(crate) oddity: Oddity,
    pub(crate) rows: i64,
    pub(crate) duplicates: i64,
    pub(crate) size: i64,
    pub(crate) blanks: i64,
    pub(crate) columns: i64,
    pub(crate) generation: i64,
    pub(crate) source: String,
    pub(crate) label: String,
    pub(crate) revision: String,
    /// Whether every host renders its own bytes of the version, with its own hash.
    pub(crate) per_host: bool,
}

impl Version {
    /// Returns the hash of the version on `host`.
    pub(crate) fn hash_on(&self, host: usize) -> Hash {
        if self.per_host { Hash::of(format!("{}/{host}", self.hash).as_bytes()) } else { self.hash }
    }

    /// Whether the version exceeds the declared limit of its config.
    pub(crate) fn exceeds(&self, config: &Config) -> bool {
        config.limit_rows.is_some_and(|limit| self.rows > limit)
    }
}

impl Config {
    /// Draws the configs of `seed`, at most `most`.
    pub(crate) fn draw_all(seed: u64, most: usize) -> Vec<Self> {
        let r = &mut Random::fork(seed, "composer:configs");
        let count = 1 + r.below(most);
        let mut names = NAMES;
        r.shuffle(&mut names);
        names.into_iter().take(count).enumerate().map(|(index, name)| Self::draw(r, name, index == 0)).collect()
    }

    /// Draws a config.
    pub(crate) fn draw(r: &mut Random, name: &'static str, scores: bool) -> Self {
        let rows = log_uniform(r, 20.0, 5_000.0).round();
        let limited = r.chance(0.6);
        Self {
            name,
            use_share: if r.chance(0.7) { 1.0 } else { r.between(0.2, 1.0) },
            scores: scores || r.chance(0.2),
            limit_rows: limited.then(|| (rows * r.between(1.3, 3.0)).round() as i64),
            rows,
            columns: 2 + r.below(8) as i64,
            row_bytes: r.between(30.0, 120.0),
            generation: 1_000 + r.below(8_000) as i64,
            made: r.bits(),
        }
    }

    /// Returns a name that no config of `taken` has.
    pub(crate) fn free_name(taken: &[Self]) -> Option<&'static str> {
        NAMES.into_iter().find(|name| taken.iter().all(|config| config.name != *name))
    }

    /// Makes the next version of this config, which has number `index`.
    pub(crate) fn version(&mut self, index: usize, oddity: Oddity, r: &mut Random) -> Version {
        let past = self.generation;
        self.generation += 1;
        let generation = match oddity {
            Oddity::Backwards => past - 3 - r.below(200) as i64,
            Oddity::Corrupt => past,
            _ => self.generation,
        };
        let ordinary = (self.rows + r.normal() * (self.rows * 0.004 + 0.7)).round().max(1.0);
        let over = self.limit_rows.map_or(self.rows * 2.5, |limit| limit as f64);
        let rows = match oddity {
            Oddity::Oversize => (over * r.between(1.05, 2.0)).round().max(over + 1.0),
            Oddity::Empty => 0.0,
            _ => ordinary,
        } as i64;
        let odd = |is: Oddity, value: i64| if oddity == is { value } else { 0 };
        let share = r.between(0.05, 0.5);
        let source = if oddity == Oddity::Source { 9 } else { 1 + r.below(3) };
        self.made = self.made.wrapping_add(1);
        Version {
            config: index,
            hash: Hash::of(format!("{}/{}/{generation}", self.made, self.name).as_bytes()),
            oddity,
            rows,
            duplicates: odd(Oddity::Duplicates, (rows as f64 * share).round().max(1.0) as i64),
            size: (rows as f64 * self.row_bytes * (1.0 + 0.01 * r.normal())).round() as i64,
            blanks: odd(Oddity::Blanks, 1 + r.below(40) as i64),
            columns: self.columns + odd(Oddity::Columns, 1),
            generation,
            source: format!("producer-{source}"),
            label: format!("{}-{generation}", self.name),
            revision: format!("rev-{:08x}", self.made as u32),
            per_host: false,
        }
    }
}

//! Configs, their versions, and the facts that a load tells of each. When versions are pushed is decided in `push`.

use super::chance::log_uniform;
use crate::random::Random;
use firstbad_protocol::Hash;

/// Names that configs have; the number of a draw's configs is at most theirs.
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
    /// Share of requests that use it.
    pub(crate) use_share: f64,
    /// Whether it computes a score for each request that uses it.
    pub(crate) scores: bool,
    /// Declared limit of rows, where one is declared.
    pub(crate) limit_rows: Option<i64>,
    rows: f64,
    columns: i64,
    row_bytes: f64,
    generation: i64,
    made: u64,
}

/// What is odd about a version's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// Nothing.
    None,
    /// More rows than the limit (or than ever, where none is declared).
    Oversize,
    /// Rows repeated.
    Duplicates,
    /// Fields left blank.
    Blanks,
    /// No row at all.
    Empty,
    /// Another number of columns.
    Columns,
    /// Made by a producer that never made one before.
    Source,
    /// Its generation is an old one.
    Backwards,
    /// Pushed beside the declared way: no publish event.
    Undeclared,
    /// The bytes differ from what was published for the same generation.
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
    /// Whether every host renders its own bytes of it.
    pub(crate) per_host: bool,
}

impl Version {
    /// The hash that `host` has of it.
    pub(crate) fn hash_on(&self, host: usize) -> Hash {
        if self.per_host { Hash::of(format!("{}/{host}", self.hash).as_bytes()) } else { self.hash }
    }

    /// Whether it is over the limit that its config declares.
    pub(crate) fn exceeds(&self, config: &Config) -> bool {
        config.limit_rows.is_some_and(|limit| self.rows > limit)
    }
}

impl Config {
    /// The configs of `seed`, at most so many.
    pub(crate) fn draw_all(seed: u64, most: usize) -> Vec<Self> {
        let r = &mut Random::fork(seed, "composer:configs");
        let count = 1 + r.below(most);
        let mut names = NAMES;
        r.shuffle(&mut names);
        names.into_iter().take(count).enumerate().map(|(index, name)| Self::draw(r, name, index == 0)).collect()
    }

    /// One config.
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

    /// The name of a further config that `taken` do not have.
    pub(crate) fn free_name(taken: &[Self]) -> Option<&'static str> {
        NAMES.into_iter().find(|name| taken.iter().all(|config| config.name != *name))
    }

    /// The next version of config number `index`.
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

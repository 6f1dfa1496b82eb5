//! Made-up fleets for the localiser: two to six dimensions of two to eight values, shares and rates drawn anew for each
//! seed, one to three causes of one to three keys each, by factors of 2 to 10, and noise in time and among leaves.

use firstbad_diagnosis::localise::{Counts, Leaf};
use firstbad_diagnosis::observation::Name;
use std::collections::BTreeMap;

/// Key and value of every dimension.
pub(crate) type Dimensions = BTreeMap<Name, Name>;

/// What kind of fleet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// Causes at once.
    pub causes: usize,
    /// Requests in an interval.
    pub requests: f64,
    /// By how much rates differ among leaves: standard deviation of their logarithm.
    pub rates_differ: f64,
    /// How much a leaf's rate wanders from interval to interval, likewise.
    pub noise: f64,
}

/// One fleet.
pub(crate) struct Fleet {
    pub leaves: Vec<Leaf>,
    pub causes: Vec<Dimensions>,
}

/// A fleet of this kind; none where the seed gives one in which the causes could not show.
pub(crate) fn fleet(seed: u64, kind: Kind) -> Option<Fleet> {
    let mut random = Random(seed);
    let keys = 2 + random.below(5);
    let mut sizes: Vec<usize> = (0..keys).map(|_| 2 + random.below(7)).collect();
    while sizes.iter().product::<usize>() > 600 {
        *sizes.iter_mut().max()? -= 1;
    }
    let shares: Vec<Vec<f64>> = sizes.iter().map(|size| random.shares(*size)).collect();
    let base = libm::pow(10.0, random.between(-3.0, -1.0));
    let mut leaves = vec![(Dimensions::new(), kind.requests, base)];
    for (key, shares) in shares.iter().enumerate() {
        let with = |(dimensions, requests, rate): &(Dimensions, f64, f64)| {
            let mut wider = Vec::new();
            for (value, share) in shares.iter().enumerate() {
                let mut dimensions = dimensions.clone();
                dimensions.insert(Name::from(format!("k{key}")), Name::from(format!("v{value}")));
                wider.push((dimensions, requests * share, *rate));
            }
            wider
        };
        leaves = leaves.iter().flat_map(with).collect();
    }
    leaves.retain(|(_, requests, _)| *requests >= 0.5);
    for (_, _, rate) in &mut leaves {
        *rate *= libm::exp(kind.rates_differ * random.normal());
    }
    let causes = (0..300).find_map(|_| distinct(&mut random, &sizes, &leaves, kind.causes))?;
    let factors: Vec<f64> = causes.iter().map(|_| libm::exp(random.between(0.7, 2.3))).collect();
    let intervals = 4 + random.below(9);
    let leaf = |(dimensions, requests, rate): (Dimensions, f64, f64)| {
        let hit = causes.iter().zip(&factors).filter(|(cause, _)| within(&dimensions, cause));
        let factor = hit.map(|(_, factor)| factor * libm::exp(kind.noise * random.normal())).fold(1.0, f64::max);
        let mut counts = |factor: f64| {
            let requests = random.count(requests);
            let rate = rate * factor * libm::exp(kind.noise * random.normal());
            Counts { requests, failures: random.count(requests * rate.min(0.9)).min(requests) }
        };
        Leaf { dimensions, baseline: (0..intervals).map(|_| counts(1.0)).collect(), now: counts(factor) }
    };
    let leaves = leaves.into_iter().map(leaf).collect();
    Some(Fleet { leaves, causes })
}

/// Whether a leaf is meant by a combination.
pub(crate) fn within(leaf: &Dimensions, combination: &Dimensions) -> bool {
    combination.iter().all(|(key, value)| leaf.get(key) == Some(value))
}

/// Causes that each carry some failures but not most requests, and that do not share half their requests.
fn distinct(
    random: &mut Random,
    sizes: &[usize],
    leaves: &[(Dimensions, f64, f64)],
    count: usize,
) -> Option<Vec<Dimensions>> {
    let mut causes: Vec<Dimensions> = Vec::new();
    for _ in 0..count {
        let mut cause = Dimensions::new();
        for _ in 0..1 + random.below(3) {
            let key = random.below(sizes.len());
            let value = random.below(*sizes.get(key)?);
            cause.insert(Name::from(format!("k{key}")), Name::from(format!("v{value}")));
        }
        causes.push(cause);
    }
    let requests = |all: &[&Dimensions]| -> f64 {
        leaves.iter().filter(|leaf| all.iter().all(|one| within(&leaf.0, one))).map(|leaf| leaf.1).sum()
    };
    let shows = |cause: &Dimensions| {
        let failures: f64 = leaves.iter().filter(|leaf| within(&leaf.0, cause)).map(|leaf| leaf.1 * leaf.2).sum();
        failures >= 5.0 && requests(&[cause]) < 0.6 * requests(&[])
    };
    let apart = |a: &Dimensions, b: &Dimensions| requests(&[a, b]) < 0.5 * requests(&[a]).min(requests(&[b]));
    let mut pairs = causes.iter().enumerate().flat_map(|(at, a)| causes.iter().skip(at + 1).map(move |b| (a, b)));
    (causes.iter().all(shows) && pairs.all(|(a, b)| apart(a, b))).then_some(causes)
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Poisson with this mean.
    fn count(&mut self, mean: f64) -> f64 {
        if mean > 50.0 {
            return libm::round(mean + libm::sqrt(mean) * self.normal()).max(0.0);
        }
        let (least, mut product, mut count) = (libm::exp(-mean), self.unit(), 0.0);
        while product > least {
            product *= self.unit();
            count += 1.0;
        }
        count
    }

    /// Uneven shares that add up to 1: Dirichlet(1, ..., 1).
    fn shares(&mut self, size: usize) -> Vec<f64> {
        let parts: Vec<f64> = (0..size).map(|_| -libm::log(1.0 - self.unit())).collect();
        let sum: f64 = parts.iter().sum();
        parts.iter().map(|part| part / sum).collect()
    }
}

//! Own-load alignment: do hosts begin to fail each at its own load, or all at one moment? Beginnings are known only to lie
//! within a bracket (a report, or a part of one), so both answers are held against brackets, not against points: where
//! reports are coarser than the rollout was quick, neither wins.

use crate::numerics::math::{float, median, spread};
use crate::numerics::time::{Instant, Placed, Span, Window};

/// Scales tried for how far a beginning may lie from where it should, in report intervals.
const SCALES: [f64; 8] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];
/// Hosts looked at, every so many of all: more would not change the answer.
const HOSTS_MAX: usize = 256;
/// How much before its load failing may seem to begin, in report intervals: what places within a report are off by.
const EARLIEST: f64 = -0.04;
/// Variance of what hosts say over that of independent counts.
const DISPERSION: f64 = 1.3;
/// Share of hosts that follow neither.
const STRAY: f64 = 0.05;
/// Most that one host may say, as a log likelihood ratio.
const HOST_MAX: f64 = 1.5;
/// Small differences over many hosts are no alignment.
const HOST_MIN: f64 = 0.2;

/// Hosts from which it can be told how well beginnings are placed: a spread of twelve is off by a fifth.
const CALIBRATED: usize = 12;

/// Part of the deviation that is stated which is left at best: hosts that seem to begin in the same instant do so by chance.
const BEST: f64 = 0.05;

/// One host's load, or leave, and when its failing began, or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub at: Instant,
    /// Between which times the change lies; none if none came.
    pub change: Option<Window>,
    /// Where most likely; without a deviation where only the bracket is known.
    pub near: Placed,
    /// Whether the load itself is a guess from a report.
    pub guessed: bool,
    /// Time to the nearest other load of the same config on the same host.
    pub gap: Span,
}

/// A beginning relative to where it may belong, in report intervals: a bracket in which it lies somewhere, or a place
/// with a standard deviation.
#[derive(Clone, Copy, Debug)]
enum Beginning {
    Within { from: f64, to: f64 },
    Near { place: f64, deviation: f64 },
}

impl Beginning {
    fn middle(self) -> f64 {
        match self {
            Self::Within { from, to } => f64::midpoint(from, to),
            Self::Near { place, .. } => place,
        }
    }

    /// Makes its deviation a part of what it is.
    fn narrow(&mut self, part: f64) {
        if let Self::Near { deviation, .. } = self {
            *deviation *= part;
        }
    }

    fn earliest(self) -> f64 {
        match self {
            Self::Within { from, .. } => from,
            Self::Near { place, .. } => place,
        }
    }
}

/// How long after their loads hosts change. Times are in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Lag {
    /// Hosts that changed.
    pub hosts: u64,
    /// Spread of the changes themselves.
    pub onset_spread_s: f64,
    /// Spread of the time from load to change.
    pub delay_spread_s: f64,
    /// Median time from load to change; negative if most change before they load.
    pub delay_s: f64,
}

/// What a rollout says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Alignment {
    /// Log likelihood ratio of "at its own load" over "at one moment".
    pub ratio: f64,
    pub lag: Lag,
}

/// What an alignment follows from, and from nothing else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Question {
    interval: Span,
    /// Pairs that changed.
    all: usize,
    /// Some of them, evenly.
    matched: Vec<Pair>,
}

impl Question {
    /// Of the pairs that changed.
    pub(crate) fn of(pairs: &[Pair], interval: Span) -> Self {
        let changed = || pairs.iter().filter(|pair| pair.change.is_some());
        let all = changed().count();
        let matched = changed().step_by(all.div_ceil(HOSTS_MAX).max(1)).copied().collect();
        Self { interval, all, matched }
    }

    /// Compares the two answers.
    pub(crate) fn answer(&self) -> Alignment {
        let first = self.matched.first().map(|pair| pair.at).filter(|_| self.matched.len() >= 3);
        first.map_or_else(Alignment::default, |first| align(self, first))
    }
}

fn align(Question { interval, all, matched }: &Question, first: Instant) -> Alignment {
    let unit = (*interval).seconds();
    let relative = |to: &dyn Fn(&Pair) -> Instant| -> Vec<Beginning> {
        let of = |pair: &Pair| {
            let Window { start: from, end: until } = pair.change.unwrap_or_default();
            let at = |time: Instant| (time - to(pair)).seconds() / unit;
            let Placed { at: place, deviation } = pair.near;
            if pair.near.is_known() {
                Beginning::Near { place: at(place), deviation: deviation.seconds() / unit }
            } else {
                Beginning::Within { from: at(from), to: at(until) }
            }
        };
        matched.iter().map(of).collect()
    };
    let (mut own, mut moment) = (relative(&|pair| pair.at), relative(&|_| first));
    let certain = certainty(&own).min(certainty(&moment));
    own.iter_mut().chain(&mut moment).for_each(|one| one.narrow(certain));
    // Few hosts say as much as they know: a third of them cannot turn the answer of the others.
    let most = HOST_MAX * (12.0 / float(matched.len())).clamp(1.0, 2.0);
    let said = compared(&own, &moment);
    let each = agreed(said.clone());
    let each = if each < HOST_MIN { each } else { each.min(without_ends(&own, &moment, &said)).max(0.0) };
    let each = if (0.0..HOST_MIN).contains(&each) { 0.0 } else { each.clamp(-most, most) };
    let middles = |beginnings: &[Beginning]| -> Vec<f64> { beginnings.iter().map(|one| one.middle() * unit).collect() };
    let mut lags = middles(&own);
    let lag = Lag {
        hosts: *all as u64,
        onset_spread_s: spread(&middles(&moment)),
        delay_spread_s: spread(&lags),
        delay_s: median(&mut lags),
    };
    // Guessed from the reports in which the failing began, loads agree with it by themselves, unless it took several.
    let guessed = matched.iter().filter(|pair| pair.guessed).count() * 2 > matched.len();
    let each = if guessed && lag.onset_spread_s < 0.5 * unit { each.min(0.0) } else { each };
    // A lag is one more thing that was chosen to fit; and counts vary more than chance alone lets them.
    let late = (lag.delay_s / unit).max(0.0);
    let chosen = if late > 1.0 { 2.0 + libm::log(late) } else { 0.0 };
    let ratio = each * (float(matched.len()) - 1.0) / DISPERSION;
    Alignment { ratio: if ratio > 0.0 { (ratio - chosen).max(0.0) } else { ratio }, lag }
}

/// Log likelihood ratio of "at its own load" over "at one moment" of each beginning, both at their best.
fn compared(own: &[Beginning], moment: &[Beginning]) -> Vec<f64> {
    let moment = best(moment, f64::NEG_INFINITY);
    best(own, EARLIEST).into_iter().zip(moment).map(|(own, moment)| own - moment).collect()
}

/// What the others say without the sixth at either end, both answers at their best for those: a few whose clocks are off
/// widen the moment for all.
fn without_ends(own: &[Beginning], moment: &[Beginning], said: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..said.len()).collect();
    order.sort_by(|a, b| said.get(*a).unwrap_or(&0.0).total_cmp(said.get(*b).unwrap_or(&0.0)));
    let cut = order.len() / 6;
    let kept = order.get(cut..order.len() - cut).unwrap_or_default();
    let of = |all: &[Beginning]| kept.iter().filter_map(|index| all.get(*index)).copied().collect::<Vec<_>>();
    mean(&compared(&of(own), &of(moment)))
}

/// Mean of what hosts say; none says more than another by much.
fn mean(values: &[f64]) -> f64 {
    values.iter().map(|one| one.clamp(-4.0, 4.0)).sum::<f64>() / float(values.len().max(1))
}

/// What all hosts say and what those in the middle say, as far as they agree. A clock that is off shifts load and failing
/// alike and looks like a load that is followed, however many fail at one moment: without the sixth at either end it has
/// no say. But where one answer is narrow and leaves many out, those that are left out must be heard.
fn agreed(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let cut = values.len() / 6;
    let (all, middle) = (mean(&values), mean(values.get(cut..values.len() - cut).unwrap_or_default()));
    if all * middle <= 0.0 {
        0.0
    } else if all.abs() < middle.abs() {
        all
    } else {
        middle
    }
}

/// How much better beginnings are placed than they say: their deviations are bounds, made without knowing how steady the
/// failing is, and hosts that lie closer together than these allow show it. One answer, if true, shows it; both share it.
fn certainty(beginnings: &[Beginning]) -> f64 {
    let deviation = |one: &Beginning| match one {
        Beginning::Near { place, deviation } => Some((*place, *deviation)),
        Beginning::Within { .. } => None,
    };
    let (placed, mut deviations): (Vec<f64>, Vec<f64>) = beginnings.iter().filter_map(deviation).unzip();
    let usual = median(&mut deviations);
    if placed.len() < CALIBRATED || usual <= 0.0 { 1.0 } else { (spread(&placed) / usual).clamp(BEST, 1.0) }
}

/// How beginnings lie around their place: on both sides alike, as far as they are known only so well, or after it, as
/// where what fails is rare and the first of it is waited for.
#[derive(Clone, Copy, Debug)]
enum Kernel {
    Around,
    After,
}

/// Log likelihoods of the beginnings around or after one place, not before `earliest` where they can be placed at all, at
/// the scale and place where their sum is greatest.
fn best(beginnings: &[Beginning], earliest: f64) -> Vec<f64> {
    let placed = beginnings.iter().filter(|one| matches!(one, Beginning::Near { .. })).count() * 2 > beginnings.len();
    let least = if placed { earliest } else { f64::NEG_INFINITY };
    let of = |kernel: Kernel| {
        let sum = |place: f64, scale: f64| sum_of_logs(beginnings, kernel, place.max(least), scale);
        let top = climb(&places(beginnings, kernel), sum);
        Top { place: top.place.max(least), ..top }
    };
    let (around, after) = (of(Kernel::Around), of(Kernel::After));
    let (kernel, top) = if after.most > around.most { (Kernel::After, after) } else { (Kernel::Around, around) };
    beginnings.iter().map(|one| libm::log(likelihood(*one, kernel, top.place, top.scale))).collect()
}

/// Likelihoods multiplied before a logarithm is taken: none is below 1e-7, so that sixteen of them stay far above zero.
const FACTORS: usize = 16;

fn sum_of_logs(beginnings: &[Beginning], kernel: Kernel, place: f64, scale: f64) -> f64 {
    let product = |some: &[Beginning]| some.iter().map(|one| likelihood(*one, kernel, place, scale)).product::<f64>();
    beginnings.chunks(FACTORS).map(|some| libm::log(product(some))).sum()
}

/// A place and a scale, and the sum of logarithms there.
#[derive(Clone, Copy)]
struct Top {
    most: f64,
    place: f64,
    scale: f64,
}

/// The place and scale where `sum` is greatest, and how great.
fn climb(places: &[f64], sum: impl Fn(f64, f64) -> f64) -> Top {
    let mut top = Top { most: f64::NEG_INFINITY, place: 0.0, scale: 1.0 };
    for (index, place) in places.iter().copied().enumerate() {
        if places.iter().take(index).any(|before| before.to_bits() == place.to_bits()) {
            continue;
        }
        for scale in SCALES {
            let most = sum(place, scale);
            if most > top.most {
                top = Top { most, place, scale };
            }
        }
    }
    // The medians and the grid are only near it: uphill from the best of them, in halving steps.
    let (mut step, mut factor) = (0.5, 1.7);
    for _ in 0..12 {
        let at = |place: f64, scale: f64| Top { most: sum(place, scale), place, scale };
        let Top { most, place, scale } = top;
        let there =
            [at(place - step, scale), at(place + step, scale), at(place, scale / factor), at(place, scale * factor)];
        match there.into_iter().max_by(|a, b| a.most.total_cmp(&b.most)).filter(|best| best.most > most) {
            Some(better) => top = better,
            None => (step, factor) = (step / 2.0, libm::sqrt(factor)),
        }
    }
    top
}

/// Where a common place may lie: in the middle of the brackets, at their beginnings, at the estimates, where most overlap.
fn places(beginnings: &[Beginning], kernel: Kernel) -> Vec<f64> {
    let mut middles: Vec<f64> = beginnings.iter().map(|one| one.middle()).collect();
    let mut earliest: Vec<f64> = beginnings.iter().map(|one| one.earliest()).collect();
    let near = beginnings.iter().filter(|one| matches!(one, Beginning::Near { .. }));
    let mut near: Vec<f64> = near.map(|one| one.middle()).collect();
    let (middle, early) = (median(&mut middles), median(&mut earliest));
    let near = if near.is_empty() { middle } else { median(&mut near) };
    match kernel {
        Kernel::Around => vec![middle, early, f64::midpoint(middle, early), near, shared(beginnings)],
        Kernel::After => {
            let first = beginnings.iter().map(|one| one.middle()).fold(f64::INFINITY, f64::min);
            vec![early, first]
        }
    }
}

/// The end of a bracket, and by how much more or fewer are open behind it.
struct End {
    at: f64,
    step: i32,
}

/// The middle of where most brackets overlap: all may share one short stretch that no middle of theirs is near.
fn shared(beginnings: &[Beginning]) -> f64 {
    let bracket = |from: f64, to: f64| [End { at: from, step: 1 }, End { at: to, step: -1 }];
    let ends = |one: &Beginning| match *one {
        Beginning::Within { from, to } => bracket(from, to),
        Beginning::Near { place, deviation } => bracket(place - deviation, place + deviation),
    };
    let mut ends: Vec<End> = beginnings.iter().flat_map(ends).collect();
    ends.sort_by(|a, b| a.at.total_cmp(&b.at).then(b.step.cmp(&a.step)));
    let (mut open, mut most, mut middle) = (0, 0, 0.0);
    for pair in ends.windows(2) {
        let [from, to] = pair else { continue };
        open += from.step;
        if open > most {
            (most, middle) = (open, f64::midpoint(from.at, to.at));
        }
    }
    middle
}

/// How likely a beginning is around or after the place, with a few strays anywhere within minutes: the probability of the
/// bracket (logistic, or exponential), or the density at the estimate (normal, or exponential with the estimate's own error:
/// an exponentially modified normal distribution), per report interval.
fn likelihood(beginning: Beginning, kernel: Kernel, place: f64, scale: f64) -> f64 {
    match (beginning, kernel) {
        (Beginning::Within { from, to }, kernel) => {
            let below = |x: f64| match kernel {
                Kernel::Around => 1.0 / (1.0 + libm::exp(-((x - place) / scale).clamp(-500.0, 500.0))),
                Kernel::After => 1.0 - libm::exp(-((x - place) / scale).max(0.0)),
            };
            let stray = ((to - from) / 30.0).clamp(1e-3, 1.0);
            (1.0 - STRAY) * (below(to) - below(from)).max(0.0) + STRAY * stray
        }
        (Beginning::Near { place: at, deviation }, Kernel::Around) => {
            let wide = libm::sqrt(scale * scale + deviation * deviation);
            let off = (at - place) / wide;
            (1.0 - STRAY) * libm::exp(-0.5 * off * off) / (wide * 2.5066) + STRAY / 30.0
        }
        (Beginning::Near { place: at, deviation }, Kernel::After) => {
            let (off, rate) = (at - place, deviation / scale);
            let above = libm::erfc((rate - off / deviation) / std::f64::consts::SQRT_2);
            let density = libm::exp((rate * rate / 2.0 - off / scale).min(300.0)) * above / (2.0 * scale);
            (1.0 - STRAY) * density + STRAY / 30.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Span = Span(1_000_000_000);

    fn pairs(
        load: impl Fn(i64) -> Instant,
        begin: impl Fn(i64) -> Instant,
        bracket: impl Fn(Instant) -> Window,
    ) -> Vec<Pair> {
        (0..40)
            .map(|host| Pair {
                at: load(host),
                change: Some(bracket(begin(host))),
                near: Placed::default(),
                guessed: false,
                gap: Span::ZERO,
            })
            .collect()
    }

    fn align_of(pairs: &[Pair], interval: Span) -> Alignment {
        Question::of(pairs, interval).answer()
    }

    fn exactly(at: Instant) -> Window {
        Window { start: at - S / 2, end: at + S / 2 }
    }

    fn report(at: Instant) -> Window {
        let start = at - at.past(10 * S);
        Window { start, end: start + 10 * S }
    }

    #[test]
    fn beginnings_at_own_loads_and_at_one_moment_are_told_apart() {
        let load = |host: i64| Instant::ZERO + host * 3 * S / 4;
        let own = align_of(&pairs(load, |host| load(host) + S / 2, exactly), 10 * S);
        assert!(own.ratio > 20.0, "{own:?}");
        let moment = align_of(&pairs(load, |_| Instant::ZERO + 15 * S, exactly), 10 * S);
        assert!(moment.ratio < -20.0, "{moment:?}");
    }

    #[test]
    fn a_rollout_within_one_report_says_nothing_either_way() {
        let load = |host: i64| Instant::ZERO + host * S / 10;
        let own = align_of(&pairs(load, |host| load(host) + S / 2, report), 10 * S);
        assert!(own.ratio.abs() < 4.0, "{own:?}");
    }

    #[test]
    fn a_rollout_over_three_reports_is_seen_through_them() {
        let load = |host: i64| Instant::ZERO + host * 3 * S / 4;
        let own = align_of(&pairs(load, |host| load(host) + S / 2, report), 10 * S);
        assert!(own.ratio > 6.0, "{own:?}");
        let moment = align_of(&pairs(load, |_| Instant::ZERO + 15 * S, report), 10 * S);
        assert!(moment.ratio < -6.0, "{moment:?}");
    }
}

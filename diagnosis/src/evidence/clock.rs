//! Which of two loads is the clock that failing follows, where it comes some time after both. Hosts that take both in one
//! order, at one distance, tell nothing; as soon as the distance differs from host to host, or one is there without the
//! other, the rate of failing is a function of the age of the one that does it, and smeared over that of the other. What is
//! done with it is decided in `verdict::ties`.

use crate::numerics::time::{Ns, seconds};
use crate::scene::Scene;
use crate::scene::patient::Patient;
use crate::scene::spans::Spans;

/// Cells of age; what is older is in the last one.
const CELLS: usize = 48;
/// Least width of a cell, ns: what kills after a while is not more exact.
const WIDTH_MIN: Ns = 5_000_000_000;
/// Part of a report that a cell is at least wide, where failing is known by report: a cell tells nothing finer.
const WIDTH_PART: Ns = 2;
/// Log likelihood that a cell must earn, as it has a rate of its own (Akaike).
const PRICE: f64 = 1.0;
/// Variance of what hosts say over that of independent counts.
const DISPERSION: f64 = 1.3;

/// Time at risk, and beginnings, at one age.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    at_risk_s: f64,
    begun: f64,
}

impl Cell {
    /// Log likelihood of the beginnings at the rate that fits best.
    fn ln(self) -> f64 {
        let said =
            if self.begun > 0.0 { self.begun * (libm::log(self.begun / self.at_risk_s.max(1.0)) - 1.0) } else { 0.0 };
        if self.at_risk_s > 0.0 { said - PRICE } else { said }
    }
}

/// Cells by age, and before all of them those without the load.
struct Clock {
    width: Ns,
    without: Cell,
    cells: [Cell; CELLS],
}

/// How much better the failing follows the age of `one` than that of `two`, as a log likelihood ratio.
pub(crate) fn follows(scene: &Scene<'_>, one: &Spans, two: &Spans) -> f64 {
    let (one, two) = (Clock::of(scene, one), Clock::of(scene, two));
    (one.ln() - two.ln()) / DISPERSION
}

impl Clock {
    fn of(scene: &Scene<'_>, exposed: &Spans) -> Self {
        let width = WIDTH_MIN.max(scene.interval / WIDTH_PART);
        let mut clock = Self { width, without: Cell::default(), cells: [Cell::default(); CELLS] };
        for (index, patient) in scene.patients.iter().enumerate() {
            if let Some(spans) = exposed.of(index) {
                clock.lives(scene, patient, spans);
            }
        }
        clock
    }

    /// Counts the lives of one patient: the time until it first fails, and what lies between two deaths, for a process that
    /// starts again takes again what it has.
    fn lives(&mut self, scene: &Scene<'_>, patient: &Patient<'_>, spans: &[(Ns, Ns)]) {
        let mut from = patient.first.max(scene.onset - scene.interval);
        let mut born = Ns::MIN / 4;
        for bout in &patient.bouts {
            if bout.start >= from {
                self.life((from, bout.start), born, spans);
                self.cell(bout.start, born, spans).begun += 1.0;
            }
            if bout.deaths <= 0.0 && !bout.silent || bout.open {
                return;
            }
            (from, born) = (from.max(bout.end), bout.end);
        }
        self.life((from, patient.seen), born, spans);
    }

    /// Counts the time at risk of one life, cell by cell.
    fn life(&mut self, (from, to): (Ns, Ns), born: Ns, spans: &[(Ns, Ns)]) {
        let mut at = from;
        while at < to {
            let until = self.ends(at, born, spans).min(to);
            self.cell(at, born, spans).at_risk_s += seconds(until - at);
            at = until;
        }
    }

    /// When a host that is at one age at a time gets to another.
    fn ends(&self, at: Ns, born: Ns, spans: &[(Ns, Ns)]) -> Ns {
        match spans.iter().find(|(from, to)| *from <= at && at < *to) {
            Some((from, to)) => {
                let since = (*from).max(born).min(at);
                (since + ((at - since) / self.width + 1) * self.width).min(*to)
            }
            None => spans.iter().map(|(from, _)| *from).find(|from| *from > at).unwrap_or(Ns::MAX / 4),
        }
    }

    fn cell(&mut self, at: Ns, born: Ns, spans: &[(Ns, Ns)]) -> &mut Cell {
        let age =
            spans.iter().find(|(from, to)| *from <= at && at < *to).map(|(from, _)| at - (*from).max(born).min(at));
        let Some(age) = age else { return &mut self.without };
        let place = usize::try_from(age / self.width).unwrap_or(CELLS).min(CELLS - 1);
        self.cells.get_mut(place).unwrap_or(&mut self.without)
    }

    fn ln(&self) -> f64 {
        self.cells.iter().map(|cell| cell.ln()).sum::<f64>() + self.without.ln()
    }
}

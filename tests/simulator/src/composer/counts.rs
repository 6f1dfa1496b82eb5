//! The counts of one process, between two reports or since its start: outcomes in total and by version, scores, latency.

use std::ops::AddAssign;

/// Requests by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) ok: u64,
    pub(crate) denied: u64,
    pub(crate) error: u64,
    pub(crate) panic: u64,
}

impl Outcomes {
    pub(crate) fn sum(self) -> u64 {
        self.ok + self.denied + self.error + self.panic
    }
}

impl AddAssign for Outcomes {
    fn add_assign(&mut self, other: Self) {
        self.ok += other.ok;
        self.denied += other.denied;
        self.error += other.error;
        self.panic += other.panic;
    }
}

/// One score in each cell of the contract's bounds (`SCORE_BOUNDS`). Scores are drawn from these values.
pub(crate) const SCORE_VALUES: [f64; 14] =
    [0.0, 0.8, 3.0, 7.0, 15.0, 25.0, 35.0, 45.0, 55.0, 65.0, 75.0, 85.0, 95.0, 99.5];

/// Bounds of the latency histogram, seconds: the defaults of the Prometheus client libraries.
pub(crate) const LATENCY_BOUNDS_S: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Number of requests by latency: a cell below each bound, and one above the last.
pub(crate) type Latency = [u64; 12];

/// The requests that used one version of one config.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) config: usize,
    pub(crate) version: usize,
    pub(crate) outcomes: Outcomes,
    pub(crate) scores: [u64; 14],
    /// The guilt that causes the panics. It determines their site.
    pub(crate) site: Option<usize>,
    /// Second of the first failed request.
    pub(crate) first_failed: Option<f64>,
}

/// The panics at one site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PanicsAt {
    pub(crate) site: Option<usize>,
    pub(crate) count: u64,
}

/// All counts of one process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) total: Outcomes,
    pub(crate) views: Vec<View>,
    pub(crate) panics: Vec<PanicsAt>,
    pub(crate) good: Latency,
    pub(crate) denied: Latency,
    pub(crate) failed: Latency,
}

impl Counted {
    /// Returns the view of `version`, and adds it if there is none.
    pub(crate) fn view(&mut self, config: usize, version: usize) -> Option<&mut View> {
        if !self.views.iter().any(|view| view.version == version) {
            // "At most 8 live hashes per config and process": these processes keep four, and drop the oldest.
            let of = |view: &View| view.config == config;
            if self.views.iter().filter(|view| of(view)).count() >= 4
                && let Some(oldest) = self.views.iter().position(of)
            {
                self.views.remove(oldest);
            }
            self.views.push(View { config, version, ..View::default() });
        }
        self.views.iter_mut().find(|view| view.version == version)
    }

    /// Adds panics at `site`.
    pub(crate) fn panics_at(&mut self, site: Option<usize>, count: u64) {
        if count == 0 {
            return;
        }
        match self.panics.iter_mut().find(|panics| panics.site == site) {
            Some(panics) => panics.count += count,
            None => self.panics.push(PanicsAt { site, count }),
        }
    }

    /// Adds the counts of a later span.
    pub(crate) fn add(&mut self, more: &Self) {
        self.total += more.total;
        let sums = [(&mut self.good, &more.good), (&mut self.denied, &more.denied), (&mut self.failed, &more.failed)];
        for (sum, more) in sums {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        more.panics.iter().for_each(|panics| self.panics_at(panics.site, panics.count));
        for view in &more.views {
            let Some(sum) = self.view(view.config, view.version) else { continue };
            sum.outcomes += view.outcomes;
            sum.scores.iter_mut().zip(view.scores).for_each(|(sum, more)| *sum += more);
            sum.site = view.site.or(sum.site);
            sum.first_failed = sum.first_failed.or(view.first_failed);
        }
    }
}

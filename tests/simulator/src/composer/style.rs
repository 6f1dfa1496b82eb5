//! How a sender counts and what it tells: every way of contract.md section 2. What it has to tell is decided elsewhere.

use super::chance::pick;
use crate::random::Random;
use firstbad_protocol::names::SCORE_BOUNDS;

/// What requests are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    /// `firstbad.requests`: a total, and a view for each config.
    TotalsAndViews,
    /// `firstbad.requests` for each config only.
    ViewsOnly,
    /// `firstbad.requests` without config; exposure is told by other means.
    TotalsOnly,
    /// `http.server.request.duration`.
    Standard,
    /// `http.server.duration` in milliseconds, as instrumentations of some languages still send it.
    StandardOld,
}

/// How panics are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panics {
    /// `firstbad.panics` by site.
    Counts,
    /// One `exception` event each (at most a few a report, as SDKs sample).
    Events,
    /// Both.
    Both,
}

/// What names an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// `host.name` and a `service.instance.id` that stays over restarts.
    HostAndInstance,
    /// `host.name` and a new `service.instance.id` each start.
    HostAndFreshInstance,
    /// `host.name` and `process.pid`.
    HostAndPid,
    /// Only `k8s.pod.name`, a new one each start.
    Pod,
    /// Only a generated `service.instance.id`, a new one each start.
    FreshInstance,
}

impl Identity {
    /// Whether a host that goes silent may be taken for lost: its name is one that stays.
    pub(crate) fn is_durable(self) -> bool {
        !matches!(self, Self::Pod | Self::FreshInstance)
    }
}

/// How scores are told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scores {
    /// Explicit bounds.
    Explicit(&'static [f64]),
    /// A base-2 exponential histogram.
    Exponential,
}

/// The default bounds of stock SDKs.
pub(crate) const SDK_BOUNDS: [f64; 15] =
    [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10_000.0];

/// One sender's habits.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    pub(crate) counts: Counts,
    pub(crate) panics: Panics,
    pub(crate) identity: Identity,
    pub(crate) cumulative: bool,
    /// `firstbad.config.active` in every report.
    pub(crate) active: bool,
    /// Load events; else loads are told by the loads Sum.
    pub(crate) load_events: bool,
    pub(crate) scores: Option<Scores>,
    /// Whether denied answers are told apart from good ones.
    pub(crate) denied: bool,
    pub(crate) facts: bool,
    pub(crate) limits: bool,
    pub(crate) labels: bool,
    pub(crate) revision: bool,
    pub(crate) previous: bool,
    /// Start and exit events, as an agent that watches processes sends them.
    pub(crate) life_events: bool,
    pub(crate) first_failed: bool,
    pub(crate) latency: bool,
    pub(crate) cpu: bool,
    pub(crate) memory: bool,
    pub(crate) in_flight: bool,
    /// 64-bit integers as JSON numbers; else as text.
    pub(crate) numbers: bool,
    /// Event names as an attribute; else as the field.
    pub(crate) older_events: bool,
}

impl Style {
    pub(crate) fn draw(r: &mut Random) -> Self {
        use Counts::{Standard, StandardOld, TotalsAndViews, TotalsOnly, ViewsOnly};
        let ways = [TotalsAndViews, TotalsAndViews, ViewsOnly, TotalsOnly, Standard, Standard];
        let counts = if r.chance(0.05) { StandardOld } else { pick(r, TotalsAndViews, &ways) };
        let standard = matches!(counts, Standard | StandardOld);
        let needs_loads = standard || counts == TotalsOnly;
        let active = !standard && r.chance(0.8);
        Self {
            counts,
            panics: if standard { Panics::Events } else { pick(r, Panics::Counts, &[Panics::Events, Panics::Both]) },
            identity: identity(r),
            cumulative: r.chance(0.6),
            active,
            load_events: (needs_loads && !active) || r.chance(0.85),
            scores: if standard { None } else { scores(r) },
            denied: standard || r.chance(0.7),
            facts: r.chance(0.7),
            limits: r.chance(0.6),
            labels: r.chance(0.4),
            revision: r.chance(0.3),
            previous: r.chance(0.6),
            life_events: r.chance(0.5),
            first_failed: !standard && r.chance(0.3),
            latency: standard || r.chance(0.5),
            cpu: r.chance(0.4),
            memory: r.chance(0.4),
            in_flight: r.chance(0.4),
            numbers: r.chance(0.3),
            older_events: r.chance(0.3),
        }
    }

    /// Whether requests are counted by standard metrics.
    pub(crate) fn is_standard(&self) -> bool {
        matches!(self.counts, Counts::Standard | Counts::StandardOld)
    }

    /// Whether points tell the version that they used.
    pub(crate) fn tags_points(&self) -> bool {
        matches!(self.counts, Counts::TotalsAndViews | Counts::ViewsOnly)
    }
}

fn identity(r: &mut Random) -> Identity {
    use Identity::{FreshInstance, HostAndFreshInstance, HostAndInstance, HostAndPid, Pod};
    pick(r, HostAndInstance, &[HostAndInstance, HostAndInstance, HostAndFreshInstance, HostAndPid, Pod, FreshInstance])
}

fn scores(r: &mut Random) -> Option<Scores> {
    let drawn = r.unit();
    (drawn < 0.6).then_some(if drawn < 0.1 { Scores::Exponential } else { Scores::Explicit(&SCORE_BOUNDS) })
}

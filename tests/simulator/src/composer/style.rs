//! The style of a sender: how it counts, and what it reports, in every form of contract.md section 2. The values that it
//! reports are decided elsewhere.

use super::chance::pick;
use crate::random::Random;
use firstbad_protocol::names::SCORE_BOUNDS;

/// The metrics that count requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    /// `firstbad.requests`: a total, and a view for each config.
    TotalsAndViews,
    /// `firstbad.requests` for each config only.
    ViewsOnly,
    /// `firstbad.requests` without config attributes; other telemetry reports which versions are active.
    TotalsOnly,
    /// `http.server.request.duration`.
    Standard,
    /// `http.server.duration` in milliseconds, as instrumentations of some languages still send it.
    StandardOld,
}

/// How a sender reports panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panics {
    /// `firstbad.panics` by site.
    Counts,
    /// One `exception` event for each panic, up to a few per report, as SDKs sample.
    Events,
    /// Both.
    Both,
}

/// What names an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// `host.name` and a `service.instance.id` that survives restarts.
    HostAndInstance,
    /// `host.name` and a new `service.instance.id` at each start.
    HostAndFreshInstance,
    /// `host.name` and `process.pid`.
    HostAndPid,
    /// Only `k8s.pod.name`, a new one at each start.
    Pod,
    /// Only a generated `service.instance.id`, a new one at each start.
    FreshInstance,
}

impl Identity {
    /// Whether the name of a host survives restarts, so that its silence means that the host is lost.
    pub(crate) fn is_durable(self) -> bool {
        !matches!(self, Self::Pod | Self::FreshInstance)
    }
}

/// How a sender reports scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scores {
    /// Explicit bounds.
    Explicit(&'static [f64]),
    /// A base-2 exponential histogram.
    Exponential,
}

/// The default bounds of OpenTelemetry SDKs.
pub(crate) const SDK_BOUNDS: [f64; 15] =
    [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10_000.0];

/// The style of one sender.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    pub(crate) counts: Counts,
    pub(crate) panics: Panics,
    pub(crate) identity: Identity,
    pub(crate) cumulative: bool,
    /// `firstbad.config.active` in every report.
    pub(crate) active: bool,
    /// Whether loads are reported as events; otherwise by the `firstbad.config.loads` Sum.
    pub(crate) load_events: bool,
    pub(crate) scores: Option<Scores>,
    /// Whether denied answers are counted apart from good ones.
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
    /// Whether 64-bit integers are JSON numbers; otherwise they are text.
    pub(crate) numbers: bool,
    /// Whether the event name is an attribute; otherwise it is a field.
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

    /// Whether standard HTTP metrics count the requests.
    pub(crate) fn is_standard(&self) -> bool {
        matches!(self.counts, Counts::Standard | Counts::StandardOld)
    }

    /// Whether the points of requests name the version.
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

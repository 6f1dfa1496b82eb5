//! What goes wrong: drawn effects, whether one holds on a host, and how strong it is at an instant. What a strength does
//! to counts is decided in `counts`; what crashes and refusals do, in `host`.

use crate::plan::{Happening, Plan};
use crate::random::Random;
use crate::scenario::{EffectSpec, Scenario};
use crate::schedule::publish_second;
use firstbad_diagnosis::observation::Name;

/// What an effect does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the kind of that name in a scenario (scenario.rs, EffectSpec)")]
pub enum Kind {
    Panic,
    Error,
    Zero,
    Drift,
    Flagged,
    Latency,
    Cpu,
    Leak,
    Hang,
    Crash,
    CrashOnLoad,
    Refuse,
    Traffic,
    Refetch,
}

impl Kind {
    /// The kind that a scenario means.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "panic" => Self::Panic,
            "error" => Self::Error,
            "zero" => Self::Zero,
            "drift" => Self::Drift,
            "flagged" => Self::Flagged,
            "latency" => Self::Latency,
            "cpu" => Self::Cpu,
            "leak" => Self::Leak,
            "hang" => Self::Hang,
            "crash" => Self::Crash,
            "crash_on_load" => Self::CrashOnLoad,
            "refuse" => Self::Refuse,
            "traffic" => Self::Traffic,
            "refetch" => Self::Refetch,
            _ => return None,
        })
    }
}

/// A drawn effect.
#[derive(Clone, Debug)]
pub struct Effect {
    /// What it does.
    pub kind: Kind,
    /// How strongly.
    pub strength: f64,
    /// Tag of the version that brings it.
    pub loads: Option<String>,
    /// Config whose requests it hits; none means every request.
    pub config: Option<usize>,
    /// Binary that it needs.
    pub binary: Option<String>,
    /// Index of the change that brings it.
    pub change: Option<usize>,
    /// Hosts on which it can hold.
    pub hosts: Vec<bool>,
    /// Regions on which it was restricted, for answers.
    pub regions: Vec<usize>,
    /// Hosts it was restricted to by number, for answers.
    pub chosen: Vec<usize>,
    /// Values of the request dimension that it hits, from the first; 0 means all.
    pub cells: usize,
    /// Seconds from and until.
    pub from_s: f64,
    /// See `from_s`.
    pub until_s: f64,
    /// Seconds from exposure to effect.
    pub after_s: crate::number::Number,
    /// Seconds that it lasts after each load.
    pub for_s: f64,
    /// Seconds to full strength.
    pub ramp_s: f64,
    /// Share of hosts that stay affected until they restart.
    pub poison_share: f64,
    /// Whether it needs a config that is older than a refused one.
    pub stale: bool,
    /// Text of errors and panics.
    pub message: Name,
    /// Panic site.
    pub site: Name,
    /// Whether it begins at a full hour.
    pub on_the_hour: bool,
}

impl Effect {
    /// Draws effect number `index` of a scenario.
    #[must_use]
    pub fn draw(spec: &EffectSpec, index: usize, scenario: &Scenario, plan: &Plan) -> Self {
        let own = format!("effect:{index}");
        let mut shared = Random::fork(plan.seed, spec.group.as_deref().unwrap_or(&own));
        let offset = spec.from_min.as_ref().map(|n| n.draw(&mut shared) * 60.0);
        let length = spec.for_min.as_ref().map(|n| n.draw(&mut shared) * 60.0);
        let published = spec.after_publish.as_ref().and_then(|tag| {
            let publish = scenario.publish.iter().find(|publish| publish.tag == *tag);
            publish.map(|publish| publish_second(plan.seed, tag, &publish.at_min)).or_else(|| first_delivery(plan, tag))
        });
        let from_s = published.unwrap_or(0.0) + offset.unwrap_or(0.0);
        let (hosts, regions, chosen) = eligible(spec, plan, &mut shared);
        let mut random = Random::fork(plan.seed, &own);
        let config = spec.loads.as_ref().and_then(|tag| config_of(tag, scenario, plan)).or_else(|| {
            let wanted = spec.config.as_deref()?;
            plan.configs.iter().position(|config| &*config.name == wanted)
        });
        Self {
            kind: Kind::from_word(&spec.kind).unwrap_or(Kind::Error),
            strength: spec.strength.draw(&mut random),
            loads: spec.loads.clone(),
            config,
            binary: spec.binary.clone(),
            change: spec.change.as_ref().and_then(|tag| scenario.change.iter().position(|change| change.tag == *tag)),
            hosts,
            regions,
            chosen,
            cells: spec.cells.as_ref().map_or(0, |n| n.count(&mut random)),
            from_s,
            until_s: length.map_or(f64::INFINITY, |length| from_s + length),
            after_s: spec.after_s.clone(),
            for_s: spec.for_s.as_ref().map_or(f64::INFINITY, |n| n.draw(&mut random)),
            ramp_s: spec.ramp_min.as_ref().map_or(0.0, |n| n.draw(&mut random) * 60.0),
            poison_share: spec.poison_share.as_ref().map_or(0.0, |n| n.draw(&mut random)),
            stale: spec.stale,
            message: spec
                .message
                .as_deref()
                .unwrap_or("called `Result::unwrap()` on an `Err` value: TooManyRows")
                .into(),
            site: spec.site.as_deref().unwrap_or("src/bots/features.rs:71:14").into(),
            on_the_hour: spec.on_the_hour,
        }
    }

    /// Whether it comes from something that changed, so that naming that change is right.
    #[must_use]
    pub fn is_guilty(&self) -> bool {
        self.loads.as_deref().is_some_and(|tag| tag != "*") || self.change.is_some() || self.stale
    }

    /// How strong it is `at` a second on a host where it began at `start`.
    #[must_use]
    pub fn level(&self, start: f64, at: f64) -> f64 {
        let begun = start.max(self.from_s);
        if at < begun || at >= self.until_s || at >= start + self.for_s {
            return 0.0;
        }
        if self.ramp_s > 0.0 { ((at - begun) / self.ramp_s).min(1.0) } else { 1.0 }
    }
}

/// When the first host is offered a version with `tag`.
fn first_delivery(plan: &Plan, tag: &str) -> Option<f64> {
    let deliveries = plan.hosts.iter().flat_map(|host| &host.agenda).filter_map(|(at, happening)| match happening {
        Happening::Deliver(version) => Some((*at, plan.versions.get(*version)?)),
        _ => None,
    });
    deliveries.filter(|(_, version)| version.tag.as_deref() == Some(tag)).map(|(at, _)| at).reduce(f64::min)
}

/// Index of the config that the tag's publish belongs to.
fn config_of(tag: &str, scenario: &Scenario, plan: &Plan) -> Option<usize> {
    let publish = scenario.publish.iter().find(|publish| publish.tag == tag);
    let name = publish.and_then(|publish| publish.config.as_deref()).unwrap_or(&scenario.config.name);
    plan.configs.iter().position(|config| &*config.name == name)
}

fn eligible(spec: &EffectSpec, plan: &Plan, r: &mut Random) -> (Vec<bool>, Vec<usize>, Vec<usize>) {
    let mut regions: Vec<usize> = (0..plan.fleet.regions.len()).collect();
    r.shuffle(&mut regions);
    regions.truncate(spec.regions.as_ref().map_or(usize::MAX, |n| n.count(r)));
    let mut order: Vec<usize> = (0..plan.hosts.len()).collect();
    order.retain(|index| plan.hosts.get(*index).is_some_and(|host| host.downstream == spec.downstream));
    r.shuffle(&mut order);
    let total = order.len();
    let by_count = spec.hosts.as_ref().map(|n| n.count(r));
    let by_share = spec.host_share.as_ref().map(|n| (n.draw(r) * total as f64).round().max(1.0) as usize);
    order.truncate(by_count.or(by_share).unwrap_or(usize::MAX));
    let mut hosts = vec![false; plan.hosts.len()];
    for index in &order {
        let region = plan.hosts.get(*index).map_or(usize::MAX, |host| host.region);
        if let Some(slot) = hosts.get_mut(*index) {
            *slot = regions.contains(&region);
        }
    }
    let restricted = by_count.or(by_share).is_some();
    let regions = if spec.regions.is_some() { regions } else { Vec::new() };
    (hosts, regions, if restricted { order } else { Vec::new() })
}

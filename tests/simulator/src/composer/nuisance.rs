//! Nuisances: everything besides the truth that must not change the verdict. Each nuisance is drawn independently, with its
//! own strength; `kinds!` names its origin. What a nuisance does to the world is decided in the modules below.

mod lives;
mod refusals;
mod reports;
mod versions;
mod weather;
mod world;

use super::world::World;
use crate::random::Random;

/// Greatest number of nuisances of one draw. Chosen.
const MAX: usize = 8;

/// The origin of a nuisance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Public reports of outages.
    Outages,
    /// Experiments with senders and operations.
    Operations,
    /// Experiments with the crate in real servers.
    Adoption,
    /// Public series of real telemetry.
    Series,
    /// The requirements of this composer.
    Task,
}

/// The origin of a kind of nuisance, and its description.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) origin: Origin,
    pub(crate) words: &'static str,
}

/// The number of kinds of nuisances from one origin.
#[derive(Clone, Copy, Debug)]
pub struct OriginCount {
    /// The origin.
    pub origin: Origin,
    /// How many kinds it has.
    pub kinds: usize,
}

macro_rules! kinds {
    ($($kind:ident: $origin:ident, $words:literal;)*) => {
        /// A kind of nuisance.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $($kind),* }

        /// All kinds.
        pub(crate) const ALL: &[Kind] = &[$(Kind::$kind),*];

        impl Kind {
            /// Returns the origin and the description.
            pub(crate) const fn about(self) -> About {
                match self { $(Self::$kind => About { origin: Origin::$origin, words: $words }),* }
            }
        }
    };
}

kinds! {
    RefusedByAll: Outages, "the parser refuses a new version everywhere and the last good one serves on (1.1.1.1, 2023)";
    RefusedBySome: Series, "some hosts refuse a new version that others serve (pushes laid over Nezha and PetShop)";
    RefusedAtRandom: Task, "any reason, any share, again and again";
    RollingRestart: Outages, "all hosts restart and load the same version again (N13)";
    Release: Operations, "a harmless build replaces the old one, without exit events (rolling_ver)";
    ReleaseTold: Task, "the same with deploy events of its pipeline";
    ScaleDown: Operations, "hosts are taken away (scaledown)";
    ScaleUp: Task, "hosts are added, cold";
    QuickRestart: Adoption, "an ordinary restart within a fraction of a second (run F)";
    IdentityShared: Operations, "several hosts say they are one";
    IdentityMissing: Operations, "some hosts say nothing of who they are";
    OneOff: Operations, "a job of the pipeline sends one load event and is gone (oneoff)";
    CronJobs: Operations, "jobs come every few minutes and go (cron)";
    OtherBounds: Operations, "one host sends scores with other bounds (onebound)";
    Exponential: Operations, "some hosts send scores as exponential histograms (mixall)";
    NoisyFirst: Task, "the hosts that get versions first fail more in peace";
    ColdStart: Outages, "a young process is slow and fails more (restart herds, 2025-06-12)";
    Overdispersed: Series, "failing is far more dispersed than Poisson (Nezha, PetShop)";
    Bursts: Series, "failing comes in bursts (NAB, Bluemix endpoints)";
    Correlated: Series, "failing remembers: what was bad stays bad (PetShop)";
    GaugeJumps: Series, "CPU and memory jump and stay (Bitbrains)";
    TrafficWaves: Series, "traffic of hosts wanders (NAB)";
    RegionalWobble: Task, "a region fails more, and less again";
    DailySlope: Task, "traffic rises or falls all the time";
    MixShift: Outages, "scores drift with the kind of traffic (N12)";
    Moods: Adoption, "clients send more that is turned away (4xx)";
    Dropped: Task, "reports are lost here and there";
    Blind: Outages, "the collector hears nothing of many hosts for minutes (Kinesis, 2020)";
    Batched: Outages, "reports come late, in one request (agents that spool)";
    Repeated: Task, "requests are sent again though they arrived";
    ClocksOff: Outages, "clocks of some hosts are off by up to minutes (T3)";
    DayAhead: Operations, "one clock is a day ahead";
    LoadsLost: Task, "load events are lost";
    NamesLost: Operations, "names of events are lost on the way";
    SlowRecovery: Outages, "some hosts stay bad until they are restarted (2025-11-18)";
    FeedbackLoop: Outages, "traffic of retries goes on after the repair (Facebook, 2010)";
    RetrySpill: Outages, "retries of what fails load the others (Spotify, 2025)";
    PartialRollback: Task, "the way back reaches half of the hosts first";
    UnrelatedFlag: Outages, "other changes are told in the same minutes (status page, 2025-11-18)";
    GradualOther: Outages, "another config rolls out slowly meanwhile (2025-12-05)";
    AtOneInstant: Task, "several configs are pushed in one go";
    ManyPushes: Outages, "pushes come thick and fast (350 a second in 2019)";
    Ugly: Task, "a harmless version with duplicates, or over a limit that nobody enforces";
    PerHostBytes: Adoption, "every host renders bytes of its own of a config";
    SecondOutage: Outages, "a small outage elsewhere at the same time (Azure, 2024-07-18)";
    ReloadBlip: Task, "each load costs a few requests";
    LoadStops: Adoption, "whoever made the traffic stops (run 5)";
    SlowLeak: Outages, "memory grows since the start (N10)";
    DebugCost: Outages, "observability eats CPU once there are errors (2025-11-18)";
}

/// One nuisance of a draw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) kind: Kind,
    /// 0 to 1.
    pub(crate) strength: f64,
}

/// Draws the nuisances of `seed`.
pub(crate) fn plan(seed: u64) -> Vec<Planned> {
    let r = &mut Random::fork(seed, "composer:plan");
    let count = r.below(MAX + 1);
    let mut planned: Vec<Planned> = Vec::new();
    for _ in 0..count {
        let Some(kind) = ALL.get(r.below(ALL.len())).copied() else { continue };
        let strength = r.unit();
        if planned.iter().all(|other| other.kind != kind) {
            planned.push(Planned { kind, strength });
        }
    }
    planned
}

impl Planned {
    /// Applies the nuisance to `world`.
    pub(crate) fn apply(self, world: &mut World, r: &mut Random) {
        use Kind::*;
        match self.kind {
            RefusedByAll | RefusedBySome | RefusedAtRandom => refusals::apply(self, world, r),
            RollingRestart | Release | ReleaseTold | ScaleDown | ScaleUp | QuickRestart | ColdStart => {
                lives::apply(self, world, r);
            }
            IdentityShared | IdentityMissing | OneOff | CronJobs | OtherBounds | Exponential | Dropped | Blind
            | Batched | Repeated | ClocksOff | DayAhead | LoadsLost | NamesLost => reports::apply(self, world, r),
            NoisyFirst | Overdispersed | Bursts | Correlated | GaugeJumps | TrafficWaves | RegionalWobble
            | DailySlope | MixShift | Moods => weather::apply(self, world, r),
            UnrelatedFlag | GradualOther | AtOneInstant | ManyPushes | Ugly | PerHostBytes | PartialRollback => {
                versions::apply(self, world, r);
            }
            SlowRecovery | FeedbackLoop | RetrySpill | SecondOutage | ReloadBlip | LoadStops | SlowLeak | DebugCost => {
                world::apply(self, world, r);
            }
        }
    }

    /// Interpolates between `weak` and `strong` by the strength.
    pub(crate) fn scaled(self, weak: f64, strong: f64) -> f64 {
        weak + (strong - weak) * self.strength
    }

    /// Interpolates between `weak` and `strong` by the strength, on a logarithmic scale.
    pub(crate) fn scaled_log(self, weak: f64, strong: f64) -> f64 {
        self.scaled(weak.ln(), strong.ln()).exp()
    }
}

/// Returns the number of kinds of nuisances from each origin.
#[must_use]
pub fn origins() -> Vec<OriginCount> {
    let all = [Origin::Outages, Origin::Operations, Origin::Adoption, Origin::Series, Origin::Task];
    let kinds = |origin: Origin| ALL.iter().filter(|kind| kind.about().origin == origin).count();
    all.into_iter().map(|origin| OriginCount { origin, kinds: kinds(origin) }).collect()
}

//! Who could begin to fail when, and who did: laid out once a scene, whatever is accused. What it says of a hypothesis is
//! decided in `evidence::riskset`.

use crate::numerics::time::{Instant, Span, Window};
use crate::scene::patient::{Bout, Patient};

/// A host begins to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    pub at: Instant,
    pub stratum: u32,
    pub patient: u32,
    /// Place of its time among those of its stratum.
    pub place: u32,
}

/// A stretch in which a patient could begin to fail: at the times of its stratum from place `from` on, before `to`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub patient: u32,
    pub stratum: u32,
    pub from: u32,
    pub to: u32,
}

/// A stretch in which a patient could begin to fail, both ends included, and whether it ends because it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spell {
    pub patient: u32,
    /// Its stratum, and its place.
    pub kinds: [u32; 2],
    pub from: Instant,
    pub to: Instant,
    pub begins: bool,
}

/// All stretches from an interval before the onset on, in the order of the patients: both layouts are made of them.
pub(crate) fn spells(patients: &[Patient<'_>], onset: Instant, interval: Span) -> Vec<Spell> {
    let mut all = Vec::with_capacity(patients.len() + patients.len() / 2);
    let mut walk = Walk { from: onset - interval, interval, away: Vec::new() };
    for (id, patient) in (0..).zip(patients) {
        let kinds = [patient.stratum, patient.place];
        walk.stretches(patient, |Window { start: from, end: to }, begins| {
            all.push(Spell { patient: id, kinds, from, to, begins });
        });
    }
    all
}

/// Who is at risk when.
#[derive(Clone, Debug, Default)]
pub(crate) struct AtRisk {
    /// By time.
    pub beginnings: Vec<Beginning>,
    pub stretches: Vec<Stretch>,
    /// Distinct times at which hosts begin to fail, by stratum.
    pub times: Vec<Vec<Instant>>,
}

impl AtRisk {
    /// Lays out who is at risk, by strata or, for a binary, by places.
    pub(crate) fn new(spells: &[Spell], binary: bool) -> Self {
        let mut this = Self::default();
        let kind = |spell: &Spell| {
            let [stratum, place] = spell.kinds;
            if binary { place } else { stratum }
        };
        let strata = spells.iter().map(|spell| kind(spell) as usize + 1).max().unwrap_or(0);
        this.times.resize(strata, Vec::new());
        for spell in spells.iter().filter(|spell| spell.begins) {
            if let Some(times) = this.times.get_mut(kind(spell) as usize) {
                times.push(spell.to);
            }
        }
        for times in &mut this.times {
            times.sort_unstable();
            times.dedup();
        }
        this.stretches.reserve(spells.len());
        for spell in spells {
            let (stratum, at) = (kind(spell), spell.to);
            let times = of_stratum(&this.times, stratum);
            let (from, to) = (place(times, spell.from), place(times, at + Span::NS));
            if from < to {
                this.stretches.push(Stretch { patient: spell.patient, stratum, from, to });
            }
            if spell.begins {
                let place = to.saturating_sub(1);
                this.beginnings.push(Beginning { at, stratum, patient: spell.patient, place });
            }
        }
        this.beginnings.sort_unstable_by_key(|begins| (begins.at, begins.patient));
        this
    }
}

pub(crate) fn of_stratum(times: &[Vec<Instant>], stratum: u32) -> &[Instant] {
    times.get(stratum as usize).map_or(&[], Vec::as_slice)
}

/// Place of the first of `times` that is not before `at`.
pub(crate) fn place(times: &[Instant], at: Instant) -> u32 {
    let place = match (times.first(), times.last()) {
        (Some(first), _) if at <= *first => 0,
        (_, Some(last)) if at > *last => times.len(),
        _ => times.partition_point(|time| *time < at),
    };
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// A stretch in which a patient cannot begin to fail, and whether it begins because the patient fails.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Away {
    from: Instant,
    until: Instant,
    fails: bool,
}

/// A walk along the time of each patient.
struct Walk {
    /// From when on.
    from: Instant,
    interval: Span,
    /// Of one patient: kept to be used again.
    away: Vec<Away>,
}

impl Walk {
    /// One patient's stretches at risk, both ends included, and whether each ends because it begins to fail.
    fn stretches(&mut self, patient: &Patient<'_>, mut tell: impl FnMut(Window, bool)) {
        let Self { from, interval, away } = self;
        let mut from = patient.first.max(*from);
        let until = |bout: &Bout| if bout.open { Instant::ENDLESS } else { bout.end + *interval };
        let end = patient.seen + Span::NS;
        if patient.bouts.is_empty() && patient.gapless {
            if end >= from {
                tell(Window { start: from, end }, false);
            }
            return;
        }
        away.clear();
        away.extend(patient.bouts.iter().map(|bout| Away { from: bout.start, until: until(bout), fails: true }));
        if !patient.gapless {
            let gaps = patient.unit.gaps.iter();
            away.extend(gaps.map(|gap| Away { from: gap.start + Span::NS, until: gap.end, fails: false }));
            let absent = patient.absent.iter();
            away.extend(absent.map(|absent| Away { from: absent.start, until: absent.end, fails: false }));
        }
        away.push(Away { from: end, until: Instant::ENDLESS, fails: false });
        away.sort_unstable();
        for next in away.iter() {
            if next.from >= from {
                tell(Window { start: from, end: next.from }, next.fails);
            }
            from = from.max(next.until);
            if from > patient.seen {
                break;
            }
        }
    }
}

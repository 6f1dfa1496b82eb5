//! Who could begin to fail when, and who did: laid out once a scene, whatever is accused. What it says of a hypothesis is
//! decided in `evidence::riskset`.

use crate::numerics::time::Ns;
use crate::scene::patient::{Bout, Patient};

/// A host begins to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    pub at: Ns,
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
    pub from: Ns,
    pub to: Ns,
    pub begins: bool,
}

/// All stretches from an interval before the onset on, in the order of the patients: both layouts are made of them.
pub(crate) fn spells(patients: &[Patient<'_>], onset: Ns, interval: Ns) -> Vec<Spell> {
    let mut all = Vec::with_capacity(patients.len() + patients.len() / 2);
    let mut ends = Vec::new();
    for (id, patient) in (0..).zip(patients) {
        let kinds = [patient.stratum, patient.place];
        stretches(patient, (onset - interval, interval), &mut ends, |(from, to), begins| {
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
    pub times: Vec<Vec<Ns>>,
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
            let (from, to) = (place(times, spell.from), place(times, at + 1));
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

pub(crate) fn of_stratum(times: &[Vec<Ns>], stratum: u32) -> &[Ns] {
    times.get(stratum as usize).map_or(&[], Vec::as_slice)
}

/// Place of the first of `times` that is not before `at`.
pub(crate) fn place(times: &[Ns], at: Ns) -> u32 {
    let place = match (times.first(), times.last()) {
        (Some(first), _) if at <= *first => 0,
        (_, Some(last)) if at > *last => times.len(),
        _ => times.partition_point(|time| *time < at),
    };
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// One patient's stretches at risk, both ends included, and whether each ends because it begins to fail. `ends` is scratch.
fn stretches(
    patient: &Patient<'_>,
    (from, interval): (Ns, Ns),
    ends: &mut Vec<(Ns, Ns, bool)>,
    mut tell: impl FnMut((Ns, Ns), bool),
) {
    let mut from = patient.first.max(from);
    let until = |bout: &Bout| if bout.open { Ns::MAX / 4 } else { bout.end + interval };
    let end = patient.seen + 1;
    if patient.bouts.is_empty() && patient.gapless {
        if end >= from {
            tell((from, end), false);
        }
        return;
    }
    ends.clear();
    ends.extend(patient.bouts.iter().map(|bout| (bout.start, until(bout), true)));
    if !patient.gapless {
        ends.extend(patient.unit.gaps.iter().map(|gap| (gap.start + 1, gap.end, false)));
        ends.extend(patient.absent.iter().map(|(from, to)| (*from, *to, false)));
    }
    ends.push((end, Ns::MAX / 4, false));
    ends.sort_unstable();
    for (to, next, begins) in ends.iter().copied() {
        if to >= from {
            tell((from, to), begins);
        }
        from = from.max(next);
        if from > patient.seen {
            break;
        }
    }
}

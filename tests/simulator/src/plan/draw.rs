//! Draws the parts of a run that hold from its start: the fleet, its hosts, its configs, the faults of its telemetry.

use super::{Fault, Fleet, HostPlan, Plan};
use crate::random::Random;
use crate::scenario::{ConfigSpec, FaultSpec, FleetSpec, Scenario};
use firstbad_diagnosis::observation::{Dimensions, Name};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn fleet(spec: &FleetSpec, r: &mut Random) -> Fleet {
    const NAMES: [&str; 8] =
        ["eu-west", "us-east", "ap-south", "sa-east", "us-west", "af-north", "eu-north", "ap-east"];
    let regions = spec.regions.count(r).clamp(1, NAMES.len());
    let cells = if spec.cell_key.is_empty() { 0 } else { spec.cells.count(r) };
    let cell = |i: usize| -> Dimensions {
        Arc::new(BTreeMap::from([(Name::from(spec.cell_key.as_str()), Name::from(format!("{}-{i}", spec.cell_key)))]))
    };
    Fleet {
        regions: NAMES.iter().take(regions).map(|name| Name::from(*name)).collect(),
        wobble: spec.wobble.draw(r),
        dispersion: spec.dispersion.draw(r),
        agent: r.chance(spec.agent),
        new_ids: r.chance(spec.new_ids),
        sentinel: r.chance(spec.sentinel),
        full: spec.style == "full",
        cells: if cells == 0 { vec![Arc::default()] } else { (0..cells).map(cell).collect() },
        cell_key: spec.cell_key.clone(),
        day: (r.between(0.0, 1.0), r.between(0.0, 0.4)),
    }
}

/// Hosts that report every `interval_s` seconds.
pub(super) fn hosts(spec: &FleetSpec, interval_s: f64, fleet: &Fleet, r: &mut Random) -> Vec<HostPlan> {
    let count = spec.hosts.count(r).max(1);
    let (rps, sigma) = (spec.rps.draw(r), spec.rps_sigma.draw(r));
    let (error_share, fl_share) = (spec.error_share.draw(r), spec.fl_share.draw(r));
    let aligned = r.chance(spec.aligned);
    let downstream = spec.downstream.count(r);
    let fl_hosts = (fl_share * count as f64).round() as usize;
    let mut host = |index: usize, downstream: bool| {
        let region = if index < fleet.regions.len() { index } else { r.below(fleet.regions.len()) };
        let place = fleet.regions.get(region).map_or("nowhere", |name| &**name);
        HostPlan {
            name: format!("{}-{place}-{index:03}", if downstream { "kv" } else { "edge" }).into(),
            region,
            binary: if downstream { "kv-7" } else { "fl2" }.into(),
            downstream,
            rps: rps * r.lognormal(sigma),
            error_share: error_share * r.lognormal(0.5),
            phase_s: if aligned { 0.0 } else { r.between(0.0, interval_s) },
            agenda: Vec::new(),
        }
    };
    let mut all: Vec<HostPlan> = (0..count).map(|index| host(index, false)).collect();
    let kv: Vec<HostPlan> = (0..downstream).map(|index| host(index, true)).collect();
    let mut order: Vec<usize> = (0..count).collect();
    r.shuffle(&mut order);
    for index in order.into_iter().take(fl_hosts) {
        if let Some(host) = all.get_mut(index) {
            host.binary = "fl".into();
        }
    }
    all.extend(kv);
    all
}

pub(super) fn config_specs(scenario: &Scenario, r: &mut Random) -> Vec<ConfigSpec> {
    const DECOYS: [&str; 8] =
        ["waf-rules", "routes", "ip-lists", "rate-limits", "certificates", "geo-map", "redirects", "challenge-pages"];
    let mut specs = vec![scenario.config.clone()];
    specs.extend(scenario.extra_config.iter().cloned());
    let decoys = scenario.fleet.decoys.count(r);
    let customers = (1..).map(|number| format!("customer-{number:03}"));
    for name in DECOYS.iter().map(|name| (*name).to_owned()).chain(customers).take(decoys) {
        let is_customer = name.starts_with("customer");
        specs.push(ConfigSpec {
            name,
            use_share: if is_customer {
                crate::number::Number::Range([0.005, 0.03])
            } else {
                ConfigSpec::default().use_share
            },
            cadence_s: scenario.fleet.decoy_cadence_s.clone(),
            rows: crate::number::Number::Log { log: [20.0, 5000.0] },
            limit_rows: crate::number::Number::Choice { choice: vec![0.0, 10_000.0] },
            scores: false,
            declared: scenario.config.declared,
            ..ConfigSpec::default()
        });
    }
    specs
}

pub(super) fn fault(spec: &FaultSpec, plan: &Plan, r: &mut Random) -> Fault {
    let from = spec.from_min.as_ref().map_or(0.0, |n| n.draw(r) * 60.0);
    let until = spec.for_min.as_ref().map_or(f64::INFINITY, |n| from + n.draw(r) * 60.0);
    let share = spec.host_share.draw(r);
    let mut hosts: Vec<bool> = (0..plan.hosts.len()).map(|i| (i as f64) < share * plan.hosts.len() as f64).collect();
    r.shuffle(&mut hosts);
    Fault { kind: spec.kind.clone(), strength: spec.strength.draw(r), window: (from, until), hosts }
}

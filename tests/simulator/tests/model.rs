//! What the model promises, so that a failing engine can be told from a failing model: the same seed gives the same run,
//! counts add up, symptoms follow exposure, innocents stay innocent, and the judge knows right from wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own scenario has failed")]

use firstbad_diagnosis::observation::{Observation, Row};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Cause, CauseKind, Diagnosis, Incident, SCHEMA, Signal, Verdict, Window};
use firstbad_protocol::{Hash, Property};
use firstbad_simulator::judge::Judge;
use firstbad_simulator::overrides::Overrides;
use firstbad_simulator::plan::Plan;
use firstbad_simulator::scenario::{self, Scenario};
use firstbad_simulator::simulation::{Simulation, step_s};
use firstbad_simulator::{capture, truth::Truth};
use std::collections::BTreeMap;

fn scenarios() -> Vec<Scenario> {
    scenario::read_all(&scenario::directory()).unwrap()
}

fn named(name: &str) -> Scenario {
    scenarios().into_iter().find(|scenario| scenario.name == name).unwrap()
}

const FEW: Overrides = Overrides { hosts: Some(24), ..Overrides::NONE };

/// Everything a run sends, and what really happened.
fn run(scenario: &Scenario, seed: u64, overrides: Overrides) -> (Plan, Vec<Observation>, Truth) {
    let plan = Plan::draw(scenario, seed, overrides);
    let mut simulation = Simulation::new(&plan);
    let mut sent = Vec::new();
    let mut at = 0.0;
    while at < plan.length_s {
        at += step_s(plan.interval_s);
        sent.extend(simulation.step(at));
    }
    let truth = simulation.truth().clone();
    drop(simulation);
    (plan, sent, truth)
}

fn rows(sent: &[Observation]) -> impl Iterator<Item = &Row> {
    sent.iter().filter_map(|observation| if let Observation::Row(row) = observation { Some(row) } else { None })
}

#[test]
fn every_scenario_is_sound() {
    let faults: Vec<String> = scenarios().iter().flat_map(scenario::faults).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let scenario = named("p3-mixed-engines");
    let (first, second) = (run(&scenario, 7, FEW).1, run(&scenario, 7, FEW).1);
    assert!(first == second);
    assert!(first != run(&scenario, 8, FEW).1);
}

#[test]
fn something_guilty_is_exposed_and_felt_in_every_positive_scenario() {
    for scenario in scenarios().iter().filter(|scenario| scenario.expect.class == "positive") {
        let (_, _, truth) = run(scenario, 3, FEW);
        assert!(truth.hosts_exposed() > 0, "{}: nobody was exposed", scenario.name);
        let silent = scenario.effect.iter().all(|effect| effect.kind == "refuse");
        assert!(silent || truth.nth_suffering(1).is_some(), "{}: nobody suffered", scenario.name);
    }
}

#[test]
fn nobody_is_exposed_to_anything_guilty_in_a_negative_scenario() {
    for scenario in scenarios().iter().filter(|scenario| scenario.expect.class == "negative") {
        let (_, _, truth) = run(scenario, 3, FEW);
        assert_eq!(truth.hosts_exposed(), 0, "{}", scenario.name);
    }
}

#[test]
fn counts_add_up_as_the_contract_says() {
    let (_, sent, _) = run(&named("p3-mixed-engines"), 5, FEW);
    for row in rows(&sent) {
        let total: u64 = row.totals.iter().map(|t| t.outcomes.all()).sum();
        let panics: u64 = row.totals.iter().map(|t| t.outcomes.panic).sum();
        let untagged: u64 = row.panics.iter().filter(|p| p.version.is_none()).map(|p| p.count).sum();
        assert_eq!(panics, untagged);
        let mut views: BTreeMap<&str, u64> = BTreeMap::new();
        for view in &row.views {
            *views.entry(&view.config).or_default() += view.outcomes.all();
        }
        assert!(views.values().all(|view| *view <= total), "{views:?} of {total}");
        assert!(row.span.start < row.span.end);
    }
}

#[test]
fn panics_begin_with_the_first_exposure_and_on_the_affected_engine_only() {
    let (plan, sent, truth) = run(&named("p1-panic-storm"), 5, FEW);
    let first = plan.at(truth.nth_exposed(1).unwrap());
    let panicking: Vec<&Row> = rows(&sent).filter(|row| row.totals.iter().any(|t| t.outcomes.panic > 0)).collect();
    assert!(panicking.len() > 100, "{} rows with panics", panicking.len());
    for row in panicking {
        assert!(row.span.end > first);
        assert_eq!(row.dimensions.get("service.version").map(|v| &**v), Some("fl2"));
    }
}

#[test]
fn a_capture_holds_metrics_and_events_of_the_same_run() {
    let mut out = Vec::new();
    capture::write(&named("s3-three-hosts"), 2, Overrides::default(), &mut out).unwrap();
    let lines: Vec<serde_json::Value> =
        out.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect();
    let with = |key: &str| lines.iter().filter(|line| line.get(key).is_some()).count();
    assert!(with("resourceMetrics") > 200 && with("resourceLogs") > 10);
    assert!(String::from_utf8(out).unwrap().contains("\"firstbad.panics\""));
}

/// A diagnosis with one incident that names `cause`.
fn diagnosis(verdict: Verdict, cause: Option<Cause>) -> Diagnosis {
    let incident =
        Incident { signals: vec![Signal::Panics], verdict, cause, ..Incident::new("i".into(), Timestamp(0)) };
    let incidents = vec![incident];
    Diagnosis { schema: SCHEMA, asked: false, window: Window::default(), blind_spots: Vec::new(), incidents }
}

fn config_cause(config: &str, hashes: Vec<Hash>, property: Option<Property>) -> Cause {
    Cause {
        kind: CauseKind::Config,
        config: Some(config.into()),
        hashes,
        property,
        also_separates: Vec::new(),
        scope: BTreeMap::from([("service.version".into(), "fl2".into())]),
        change: None,
        dimensions: BTreeMap::new(),
    }
}

#[test]
fn the_judge_knows_the_right_answer_from_an_innocent_one() {
    let scenario = named("p1-panic-storm");
    let (plan, _, truth) = run(&scenario, 5, FEW);
    let versions = |tag: Option<&str>| -> Vec<Hash> {
        let own = plan.versions.iter().enumerate().filter(|(index, v)| v.config == 0 && truth.loaded(*index).is_some());
        own.filter(|(_, v)| v.tag.as_deref() == tag).map(|(_, v)| v.hash).collect()
    };
    let limit = plan.versions.first().and_then(|v| v.facts.limits.get("rows")).unwrap();
    let judge = |verdict, cause| {
        let diagnosis = diagnosis(verdict, cause);
        let mut judge = Judge::new(&scenario, &plan, 5);
        judge.watch(&diagnosis, plan.length_s, &truth);
        judge.finish(&diagnosis, &truth)
    };
    let good = judge(
        Verdict::Cause,
        Some(config_cause("bot-features", versions(Some("bad")), Some(format!("rows > {limit}").into()))),
    );
    assert!(good.right && good.property == Some(true) && good.scope == Some(true), "{good:?}");
    assert!(good.false_accusation.is_none() && good.complete == Some(true), "{good:?}");
    let clean = judge(Verdict::Cause, Some(config_cause("bot-features", versions(None), None)));
    assert!(!clean.right && clean.false_accusation.is_some());
    let vague =
        judge(Verdict::Cause, Some(config_cause("bot-features", versions(Some("bad")), Some("rows > 7".into()))));
    assert!(vague.right && vague.property == Some(false));
    let other = judge(Verdict::Suspect, Some(config_cause("waf-rules", versions(Some("bad")), None)));
    assert!(!other.right && other.false_accusation.is_some());
    let excused = judge(Verdict::External, None);
    assert!(!excused.right && excused.wrong_exoneration.is_some());
    let silent = judge(Verdict::InsufficientEvidence, None);
    assert!(silent.abstained && !silent.right && silent.false_accusation.is_none());
}

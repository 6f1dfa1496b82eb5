//! What is told by what is not there, or is nonsense: processes that come back again and again, gauges below zero.

mod fleet;

use firstbad_diagnosis::observation::{Exit, Observation, Row, Source};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::time::{Span, Timestamp};
use firstbad_protocol::verdict::{Diagnosis, Signal};
use fleet::{HOSTS, START, dimensions, host, name, row};

/// A fleet that is well but for what `change` does to a report of a host in a second.
fn fleet(seconds: i64, change: impl Fn(i64, i64, &mut Row)) -> Diagnosis {
    let mut engine = Engine::new(Settings::default());
    for second in 0..seconds {
        for index in 0..HOSTS {
            let mut report = row(index, START + second, b"good", 0.0);
            if let Observation::Row(row) = &mut report {
                change(index, second, row);
            }
            engine.apply(&[report]);
        }
        engine.tick(Timestamp::from_seconds(START + second + 1));
    }
    engine.diagnosis()
}

/// Every host comes back `times` times, 40 s apart, a second after the host before it.
fn restarts(times: i64) -> Diagnosis {
    fleet(200, |index, second, row| {
        let since = second - 60 - index;
        row.restarted = since >= 0 && since % 40 == 0 && since / 40 < times;
    })
}

#[test]
fn two_restarts_of_every_host_are_no_incident_and_a_third_is() {
    assert!(restarts(2).incidents.is_empty(), "{:#?}", restarts(2).incidents);
    let diagnosis = restarts(3);
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    assert_eq!(incident.signals, [Signal::Deaths], "a process that began anew is not the one before");
    assert!(!incident.verdict.accuses(), "one after the other, they follow no load: {incident:#?}");
    let begun = incident.onset.since(Timestamp::from_seconds(START + 60)) / 1_000_000_000;
    assert!((-1..=4).contains(&begun), "the first deaths count: {begun} s");
}

/// As [`restarts`], but every process reports a clean exit first.
fn restarts_on_purpose(times: i64) -> Diagnosis {
    let mut engine = Engine::new(Settings::default());
    for second in 0..200 {
        for index in 0..HOSTS {
            let since = second - 60 - index;
            let restarts = since >= 0 && since % 40 == 0 && since / 40 < times;
            if restarts {
                let at = Timestamp::from_seconds(START + second);
                let (source, dimensions) = (host(index), dimensions(index));
                let told = Exit {
                    at,
                    source,
                    dimensions,
                    clean: true,
                    signal: None,
                    status: Some(0),
                    active: vec![],
                    loading: None,
                };
                engine.apply(&[Observation::Exit(told)]);
            }
            let mut report = row(index, START + second, b"good", 0.0);
            if let Observation::Row(row) = &mut report {
                row.restarted = restarts;
            }
            engine.apply(&[report]);
        }
        engine.tick(Timestamp::from_seconds(START + second + 1));
    }
    engine.diagnosis()
}

#[test]
fn however_often_hosts_restart_on_purpose_nobody_died() {
    let diagnosis = restarts_on_purpose(3);
    assert!(diagnosis.incidents.is_empty(), "{:#?}", diagnosis.incidents);
}

#[test]
fn four_workers_of_every_host_that_restart_once_together_are_no_incident_and_three_times_are() {
    let workers = |times: i64| {
        let mut engine = Engine::new(Settings::default());
        for second in 0..300 {
            for worker in 0..4 * HOSTS {
                let (index, number) = (worker / 4, worker % 4);
                let since = second - 60 - index;
                let mut report = row(index, START + second, b"good", 0.0);
                if let Observation::Row(row) = &mut report {
                    let host = name(&format!("host-{index}"));
                    row.source = Source::Instance { instance: name(&format!("proxy-{index}-{number}")), host };
                    row.restarted = since >= 0 && since % 40 == 0 && since / 40 < times;
                }
                engine.apply(&[report]);
            }
            engine.tick(Timestamp::from_seconds(START + second + 1));
        }
        engine.diagnosis()
    };
    assert!(workers(1).incidents.is_empty(), "{:#?}", workers(1).incidents);
    let diagnosis = workers(3);
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    assert_eq!(incident.signals, [Signal::Deaths]);
}

#[test]
fn first_reports_of_every_length_do_not_hide_the_report_interval() {
    let mut engine = Engine::new(Settings::default());
    for minute in 0..5 {
        for index in 0..600 {
            let offset_ms = 100 * (index + 1);
            let mut report = row(index, START, b"good", 0.0);
            if let Observation::Row(row) = &mut report {
                let end = |minute: i64| Timestamp(START * 1_000_000_000 + (minute * 60_000 + offset_ms) * 1_000_000);
                let start = if minute == 0 { Timestamp::from_seconds(START) } else { end(minute - 1) };
                row.span = Span { start, end: end(minute) };
            }
            engine.apply(&[report]);
        }
        engine.tick(Timestamp::from_seconds(START + 60 * minute + 61));
    }
    let interval = engine.diagnosis().window.report_interval_s;
    assert!((interval - 60.0).abs() < 1e-9, "{interval} s");
}

#[test]
fn a_gauge_below_zero_is_none() {
    let memory = |of: f64| {
        fleet(120, move |index, second, row| row.memory = Some(if index % 3 == 0 && second > 60 { of } else { 1e9 }))
    };
    assert!(memory(-1.0).incidents.is_empty(), "{:#?}", memory(-1.0).incidents);
    assert!(memory(f64::NAN).incidents.is_empty());
    // A gauge that moves without a push is nobody's outage either.
    assert!(memory(4e9).incidents.is_empty(), "{:#?}", memory(4e9).incidents);
}

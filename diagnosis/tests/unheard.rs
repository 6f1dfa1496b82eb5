//! What is told by what is not there, or is nonsense: processes that come back again and again, gauges below zero.

mod fleet;

use firstbad_diagnosis::observation::{Observation, Row};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Diagnosis, Signal};
use fleet::{HOSTS, START, row};

/// A fleet that is well but for what `change` does to a report of a host in a second.
fn fleet(seconds: i64, change: impl Fn(i64, i64, &mut Row)) -> Diagnosis {
    let mut engine = Engine::new(Settings::default());
    for second in 0..seconds {
        for index in 0..HOSTS {
            let mut report = row(index, START + second, (b"good", 0.0));
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

//! What a person sees, whole, at 80x24 without colour.

use super::{PLAIN, embedded, on, picture, press, showing};
use crate::fixture;
use crate::screen::message::{Effect, Message};
use crate::screen::model::{Model, Origin, RowDifference, Screen};
use crate::screen::runtime::{Content, compare};
use crate::screen::site_history::{SiteHistory, SitePoint};
use crate::screen::theme::Theme;
use crate::screen::update::update;
use firstbad_protocol::content::Format;
use std::sync::Arc;

/// The model's picture at 80x24, and beside it the one of a wide screen.
macro_rules! golden {
    ($name:literal, $model:expr) => {
        insta::assert_snapshot!($name, sized($model, 80, 24));
        insta::assert_snapshot!(concat!($name, "_wide"), sized($model, 120, 40));
    };
}

fn sized(model: &Model, columns: u16, rows: u16) -> String {
    let mut model = model.clone();
    update(&mut model, Message::Resize(columns, rows));
    picture(&model, columns, rows)
}

#[test]
fn the_first_screen_names_the_input() {
    golden!("incident_named", &showing(fixture::named()));
}

#[test]
fn ascii_is_enough() {
    let mut model = showing(fixture::named());
    model.theme = Theme { ascii: true, ..PLAIN };
    golden!("incident_ascii", &model);
    assert!(picture(&model, 80, 24).is_ascii());
}

#[test]
fn too_little_evidence_accuses_nobody() {
    golden!("incident_insufficient", &showing(fixture::with(fixture::insufficient())));
}

#[test]
fn a_screen_without_data_points_to_recorders_that_nobody_reads() {
    let Origin::Embedded { otlp_grpc, otlp_http, recorders, .. } = embedded() else { panic!("embedded") };
    let not_seen =
        vec!["/var/tmp/firstbad-65534 belongs to user 65534, holds 3 recorders and is not looked at".to_owned()];
    let origin = Origin::Embedded { otlp_grpc, otlp_http, recorders, not_seen };
    let mut model = Model::new(origin, PLAIN);
    update(&mut model, Message::Snapshot(Arc::new(fixture::empty())));
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("NOT SEEN") && shown.contains("firstbad-65534"), "{shown}");
}

#[test]
fn a_refused_file_is_no_outage() {
    golden!("incident_refused", &showing(fixture::with(fixture::refused())));
}

#[test]
fn a_tie_reads_as_a_tie() {
    golden!("incident_tied", &showing(fixture::with(fixture::tied())));
}

#[test]
fn the_harm_is_named_where_no_request_failed() {
    golden!("incident_denied", &showing(fixture::with(fixture::denied())));
}

#[test]
fn a_place_is_no_change() {
    golden!("incident_external", &showing(fixture::with(fixture::external())));
}

#[test]
fn recovery_says_who_still_needs_a_restart() {
    golden!("incident_recovering", &showing(fixture::recovering()));
}

#[test]
fn what_engineers_said_stands_below_the_sentence() {
    golden!("incident_said", &showing(fixture::with(fixture::said())));
    golden!("screen_list_said", &on(Screen::Incidents, fixture::with(fixture::said())));
}

#[test]
fn a_place_of_panics_has_its_history() {
    let mut model = on(Screen::Panics, fixture::named());
    press(&mut model, "\n");
    let site = fixture::named().sites[0].site.clone();
    let counts = [0, 0, 3, 40, 1_200, 1_200, 1_900, 2_100];
    let points = counts
        .iter()
        .zip(0..)
        .map(|(count, step)| SitePoint { at: fixture::ONSET + step * 10_000_000_000, count: *count });
    let history = SiteHistory { site, asked_ms: 0, points: points.collect() };
    update(&mut model, Message::SiteHistory(history));
    golden!("site_history", &model);
    model.theme = Theme { ascii: true, ..PLAIN };
    let shown = picture(&model, 80, 24);
    assert!(shown.is_ascii() && shown.contains("HISTORY  .118.52"), "{shown}");
}

#[test]
fn a_calm_fleet_is_never_called_well() {
    let model = showing(fixture::calm());
    golden!("calm", &model);
}

#[test]
fn an_empty_fleet_says_how_to_send_data() {
    golden!("empty", &showing(fixture::empty()));
}

#[test]
fn hostile_text_is_shown_escaped() {
    golden!("hostile", &showing(fixture::hostile()));
}

#[test]
fn the_other_screens() {
    let first_screen_and_rows = [Screen::Incident, Screen::Rows];
    let others = Screen::LISTED.into_iter().filter(|screen| !first_screen_and_rows.contains(screen));
    for screen in others.chain([Screen::Help]) {
        let mut model = on(screen, fixture::named());
        model.health.status = Some(Ok(Arc::new(status())));
        insta::assert_snapshot!(format!("screen_{}", screen.title()), sized(&model, 80, 24));
        insta::assert_snapshot!(format!("screen_{}_wide", screen.title()), sized(&model, 120, 40));
    }
}

/// A collector that refused something and cannot read a recorder.
fn status() -> firstbad_collector::Status {
    let counts = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    firstbad_collector::Status {
        version: "0.1.0".into(),
        pid: 4711,
        started_at: fixture::ONSET,
        data_dir: "/var/lib/firstbad".into(),
        queue: firstbad_collector::Queue { length: 3, capacity: 1024 },
        store_bytes: 1_234_567,
        received: counts(&[("logs", 1_204), ("metrics", 88_400)]),
        refused: counts(&[("too_large", 2), ("unauthenticated", 0)]),
        recorders: Some(4),
        recorders_unreadable: vec!["/run/firstbad/proxy.1.rec: Permission denied".into()],
        ..firstbad_collector::Status::default()
    }
}

#[test]
fn the_new_views_say_what_is_not_known() {
    for screen in [Screen::Rollout, Screen::Panics, Screen::Deaths, Screen::Health] {
        let model = on(screen, fixture::empty());
        insta::assert_snapshot!(format!("nothing_on_{}", screen.title()), sized(&model, 80, 24));
    }
}

#[test]
fn the_offending_rows_are_one_key_away() {
    let mut model = showing(fixture::named());
    let effects = press(&mut model, "d");
    let [Effect::Compare(pair)] = effects.as_slice() else { panic!("{effects:?}") };
    let contents: crate::screen::runtime::Contents = Arc::new(|hash| {
        let bytes = if hash == fixture::bad() { fixture::bad_file() } else { fixture::good_file() };
        Ok(Content { bytes, format: Format::Lines })
    });
    let rows: RowDifference = compare(&contents, *pair).expect("both are there");
    update(&mut model, Message::Difference(*pair, Ok(Arc::new(rows))));
    golden!("screen_rows", &model);
    assert!(press(&mut model, "jjk").is_empty(), "nothing is compared twice");
}

#[test]
fn a_collector_that_is_open_to_other_machines_is_said_on_every_screen() {
    let mut model = Model::new(Origin::Attached("http://10.0.0.7:4319".into()), PLAIN);
    update(&mut model, Message::Snapshot(Arc::new(fixture::named())));
    for insecure in [false, true] {
        update(&mut model, Message::Insecure(insecure));
        for screen in Screen::LISTED.into_iter().chain([Screen::Help]) {
            model.screen = screen;
            let whole = picture(&model, 80, 24);
            let first = whole.lines().next().expect("a first line");
            assert_eq!(first.contains("10.0.0.7:4319 INSECURE"), insecure, "{first}");
            assert!(first.contains("old"), "the age of the data still fits: {first}");
        }
        assert_eq!(picture(&model, 80, 24).contains("docs/security.md"), insecure, "the help says what it means");
    }
}

#[test]
fn a_lost_collector_is_said_before_and_after_data() {
    let mut model = Model::new(Origin::Attached("http://10.0.0.7:4319".into()), PLAIN);
    update(&mut model, Message::Clock(1_000));
    update(&mut model, Message::Lost("no collector answers at http://10.0.0.7:4319/: connection refused".into()));
    update(&mut model, Message::Clock(9_000));
    golden!("lost_before_data", &model);
    let mut model = Model::new(embedded(), PLAIN);
    update(&mut model, Message::Snapshot(Arc::new(fixture::named())));
    update(&mut model, Message::Clock(12_500));
    update(&mut model, Message::Lost("connection reset".into()));
    golden!("lost_after_data", &model);
}

//! A file that nobody can read and that leaves nothing usable active. On 1 January 2022 the date in a signature file did
//! not fit into 32 bits any more: mail waited, and no request failed.

use crate::answer::{assert_accuses, diagnose};
use crate::fleet::{Fleet, Form, Happening, Process, Version};

const OLD_YEAR: Version = Version { config: "av-signatures", number: 2_112_310_001, facts: &[], failed: 2, denied: 1 };
const NEW_YEAR: Version = Version { number: 2_201_010_001, ..OLD_YEAR };
const ROUTES: Version = Version { config: "routes", number: 1, ..OLD_YEAR };
const ERROR: &str = "cannot convert \"2201010001\" to long";

/// Twenty hosts that refuse the file of the new year from 10:30 on and serve nothing more. All load innocent routes at 10:20.
fn fleet() -> String {
    let process = |index: i64| {
        let mut process = Process::of_host(index, OLD_YEAR);
        process.at(1_200_000 + index * 1_000, Happening::Load(ROUTES));
        process.at(1_800_000 + index * 7 % 20 * 9_000, Happening::Reject(NEW_YEAR, ERROR));
        process
    };
    let processes = (0..20).map(process).collect();
    Fleet { processes, form: Form::Native, requests_per_s: 12, report_ms: 15_000, until_ms: 3_000_000 }.lines()
}

#[test]
fn a_rejected_file_after_which_nothing_is_served_is_the_cause_although_no_request_fails() {
    let answer = diagnose(&fleet());
    let incident = answer.incident();
    assert_eq!(incident["verdict"], "cause", "{incident:#}");
    assert_accuses(incident, "av-signatures", &NEW_YEAR.hash());
    assert_eq!(incident["first_error"]["message"], ERROR);
    assert_eq!(incident["impact"]["hosts_affected"], 20);
}

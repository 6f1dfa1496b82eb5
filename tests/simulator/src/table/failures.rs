//! The failing runs, so that each can be run again by itself.

use crate::outcome::Outcome;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Lists runs that fail in some way: three per scenario, or all.
pub(super) fn failures(out: &mut String, outcomes: &[Outcome], verbose: bool) {
    let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
    for o in outcomes {
        let mut wrong: Vec<String> = Vec::new();
        wrong.extend(o.false_accusation.as_ref().map(|what| format!("FALSE ACCUSATION {what}")));
        wrong.extend(o.wrong_exoneration.as_ref().map(|what| format!("WRONG EXONERATION {what}")));
        wrong.extend(o.ruled_out.as_ref().map(|what| format!("RULED OUT THE GUILTY {what}")));
        wrong.extend((!o.right).then(|| "not admissible".to_owned()));
        for (what, verdict) in [("property", o.property), ("scope", o.scope), ("hashes", o.complete)] {
            wrong.extend((verdict == Some(false)).then(|| format!("{what} wrong")));
        }
        wrong.extend(o.too_many_incidents.then(|| format!("{} incidents", o.incidents)));
        wrong.extend((o.flips > 0).then(|| format!("{} flips", o.flips)));
        let count = shown.entry(&o.scenario).or_default();
        if wrong.is_empty() || (*count >= 3 && !verbose) {
            continue;
        }
        *count += 1;
        let _ = writeln!(
            out,
            "{} --first-seed {} : {}\n    answered   {}\n    admissible {}",
            o.scenario,
            o.seed,
            wrong.join("; "),
            o.answered,
            o.admissible
        );
    }
}

//! Two builds of nearly the same source: what is new is named, and lines that moved are not.
use crate::support::{audit, compile};
use firstbad_audit::{Difference, Origin, Site, difference};

const SITES: &str = include_str!("programs/sites.rs");
const RELEASE: [&str; 3] = ["-O", "-Cdebuginfo=2", "-Coverflow-checks=on"];

fn compared(old: &str, new: &str) -> Difference {
    let of = |source: &str| audit(&compile(source, &RELEASE).binary).sites;
    let own = |sites: Vec<Site>| sites.into_iter().filter(|site| site.origin == Origin::Own).collect();
    let found = difference(&of(old), &of(new));
    Difference { new: own(found.new), gone: own(found.gone) }
}

fn told(sites: &[Site]) -> Vec<String> {
    sites.iter().map(|site| format!("{}:{} {}", site.function, site.line, site.kind)).collect()
}

#[test]
fn two_added_lines_and_one_unwrap_are_one_new_site() {
    let new = SITES.replace(
        "fn two_on_a_line(first: Option<u32>, second: Option<u32>) -> u32 {\n",
        "fn two_on_a_line(first: Option<u32>, second: Option<u32>) -> u32 {\n    // One line more,\n    let third = black_box(first).unwrap();\n    third ^ \n",
    );
    let found = compared(SITES, &new);
    assert_eq!((told(&found.new), told(&found.gone)), (vec!["own::two_on_a_line:14 unwrap".to_owned()], Vec::new()));
    let back = compared(&new, SITES);
    assert_eq!((back.new.len(), told(&back.gone)), (0, vec!["own::two_on_a_line:14 unwrap".to_owned()]));
}

#[test]
fn lines_added_above_are_no_difference() {
    let found = compared(SITES, &format!("//! One\n//! and two.\n{SITES}"));
    assert_eq!(found, Difference::default());
}

#[test]
fn a_function_that_was_renamed_is_no_difference() {
    let found = compared(SITES, &SITES.replace("over_lines", "over_more_lines"));
    assert_eq!(found, Difference::default());
}

#[test]
fn a_site_that_was_fixed_is_gone_and_its_neighbours_stay() {
    let new = SITES.replace("    if value > 300 {\n        panic!(\"{value} is large\"); //~ panic\n    }\n", "");
    let found = compared(SITES, &new);
    assert_eq!((told(&found.gone), found.new.len()), (vec!["own::panics:51 panic".to_owned()], 0));
}

#[test]
fn another_kind_in_the_same_place_is_new() {
    let new = SITES.replace("    first / second //~ division", "    first * second //~ overflow");
    let found = compared(SITES, &new);
    assert_eq!(told(&found.new), ["own::divides:46 overflow"]);
    assert_eq!(told(&found.gone), ["own::divides:46 division"]);
}

#[test]
fn the_other_mangling_is_no_difference() {
    let of = |scheme: &str| {
        let scheme = format!("-Csymbol-mangling-version={scheme}");
        let flags: Vec<&str> = RELEASE.iter().copied().chain([scheme.as_str(), "-Zunstable-options"]).collect();
        audit(&compile(SITES, &flags).binary).sites
    };
    let found = difference(&of("legacy"), &of("v0"));
    let own = |sites: &[Site]| sites.iter().filter(|site| site.origin == Origin::Own).count();
    assert_eq!((own(&found.new), own(&found.gone)), (0, 0), "{found:#?}");
}

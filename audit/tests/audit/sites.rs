//! Programs whose comments announce their sites, compiled in every way that changes how the sites look: the sites found are
//! exactly those.
use crate::support::{announced, assert_exact, audit, compile, found, own, run, rustc, try_compile};
use firstbad_audit::{AuditError, Options};

const SITES: &str = include_str!("programs/sites.rs");
const CONTROL: &str = include_str!("programs/control.rs");

/// A release build with all debug information, and arithmetic that is checked.
const RELEASE: [&str; 3] = ["-O", "-Cdebuginfo=2", "-Coverflow-checks=on"];

fn with<'f>(more: &[&'f str]) -> Vec<&'f str> {
    RELEASE.iter().copied().chain(more.iter().copied()).collect()
}

/// Asserts that exactly the announced sites are found in a build with these flags beside those of a release.
fn exact(more: &[&str]) {
    let audit = audit(&compile(SITES, &with(more)).binary);
    assert_exact(&audit, SITES, &format!("{more:?}"));
    assert!(audit.blind_spots.iter().all(|spot| !spot.contains("debug information")), "{:?}", audit.blind_spots);
}

#[test]
fn a_release_build_has_exactly_the_announced_sites() {
    assert!(announced(SITES).len() > 25, "the comments are read");
    exact(&[]);
}

#[test]
fn both_manglings_give_the_same_sites() {
    let of = |scheme: &str| {
        let program = compile(SITES, &with(&[&format!("-Csymbol-mangling-version={scheme}"), "-Zunstable-options"]));
        let audit = audit(&program.binary);
        assert_exact(&audit, SITES, scheme);
        own(&audit)
            .into_iter()
            .map(|site| (site.function.clone(), site.reports.clone(), site.callers.clone()))
            .collect::<Vec<_>>()
    };
    let without_number = |name: &str| name.replace("{closure#0}", "{{closure}}");
    let newer: Vec<_> =
        of("v0").into_iter().map(|(name, reports, callers)| (without_number(&name), reports, callers)).collect();
    assert_eq!(of("legacy"), newer);
}

#[test]
fn optimisation_over_crates_and_aborting_panics_hide_nothing() {
    exact(&["-Copt-level=3", "-Clto=fat", "-Ccodegen-units=1", "-Cpanic=abort"]);
    exact(&["-Copt-level=s", "-Clto=thin"]);
}

#[test]
fn one_function_after_the_other_or_all_in_one_it_is_the_same_list() {
    exact(&["-Ccodegen-units=1", "-Cinline-threshold=10000"]);
    exact(&["-Ccodegen-units=16"]);
}

#[test]
fn fixed_addresses_and_packed_relocations_are_read() {
    exact(&["-Crelocation-model=static"]);
    exact(&["-Clink-arg=-Wl,-z,pack-relative-relocs"]);
}

#[test]
fn a_shared_standard_library_is_called_through_the_linkage_table() {
    exact(&["-Cprefer-dynamic"]);
    exact(&["-Cprefer-dynamic", "-Zplt=yes"]);
}

#[test]
fn debug_information_may_be_short_split_or_compressed() {
    exact(&["-Cdebuginfo=line-tables-only"]);
    exact(&["-Csplit-debuginfo=packed"]);
    exact(&["-Csplit-debuginfo=unpacked"]);
    exact(&["-Clink-arg=-Wl,--compress-debug-sections=zlib"]);
}

#[test]
fn short_debug_information_gives_whole_names_of_functions_and_crates() {
    let program = compile(SITES, &["-O", "-Cdebuginfo=line-tables-only", "-Coverflow-checks=on"]);
    let audit = audit(&program.binary);
    for site in own(&audit) {
        // What is inlined everywhere has no symbol, so only its short name is known.
        let is_whole =
            site.function.starts_with("own::") || ["helper", "{closure#0}"].contains(&site.function.as_str());
        assert!(is_whole && site.crate_name == "own", "{site:?}");
    }
}

#[test]
fn a_debug_build_has_them_too() {
    let program = compile(SITES, &["-Cdebuginfo=2"]);
    let audit = audit(&program.binary);
    let found = found(&audit);
    // The addition of `sum` is in a function of the standard library, which a debug build does not inline.
    for site in announced(SITES).into_iter().filter(|site| !site.starts_with("115")) {
        assert!(found.contains(&site), "{site} of {found:?}");
    }
}

#[test]
fn a_program_without_a_site_of_its_own_has_none() {
    for more in [&[][..], &["-Clto=fat"], &["-Cpanic=abort"]] {
        let audit = audit(&compile(CONTROL, &with(more)).binary);
        assert!(own(&audit).is_empty(), "{more:?}: {:#?}", own(&audit));
        assert!(audit.sites.len() > 50, "the standard library has sites: {}", audit.sites.len());
    }
}

#[test]
fn a_site_names_its_function_its_callers_and_what_a_panic_reports() {
    let program = compile(SITES, &RELEASE);
    let audit = audit(&program.binary);
    let site = |function: &str| {
        let found = own(&audit).into_iter().find(|site| site.function == function);
        found.unwrap_or_else(|| panic!("{function} of {:#?}", own(&audit)))
    };
    let unwraps = site("own::unwraps");
    assert_eq!((unwraps.file.as_str(), unwraps.line, unwraps.column), ("src/own.rs", 9, Some(11)));
    assert_eq!(unwraps.reports.as_deref(), Some("src/own.rs:9:11"));
    assert_eq!(unwraps.callers, ["own::main"]);
    assert_eq!(unwraps.crate_name, "own");
    let helper = site("own::helper");
    assert_eq!(helper.callers, ["own::inlines"], "an inlined function is called by the one around it");
    let sums = site("own::sums");
    let reports = sums.reports.as_deref().unwrap_or_default();
    assert!(
        sums.file == "src/own.rs" && reports.starts_with("/rustc/"),
        "the own line, and what is reported: {sums:?}"
    );
    assert_eq!(site("own::over_lines").message.as_deref(), Some("a number"));
    assert!(site("own::generic").copies > 1, "two types, one site");
}

#[test]
fn what_a_panic_reports_is_what_the_audit_says() {
    let source = SITES.replace("let some = black_box(Some(1));", "let some = black_box(None);");
    let program = compile(&source, &RELEASE);
    let output = std::process::Command::new(&program.binary).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let audit = audit(&program.binary);
    let panicked = own(&audit).into_iter().find(|site| site.function == "own::unwraps").expect("the site");
    assert!(said.contains(&format!("panicked at {}:", panicked.reports.as_deref().expect("reported"))), "{said}");
}

#[test]
fn without_debug_information_the_list_is_shorter_and_says_so() {
    let program = compile(SITES, &with(&["-Cstrip=debuginfo"]));
    let audit = audit(&program.binary);
    assert!(audit.debug_information.is_none());
    assert!(audit.blind_spots.iter().any(|spot| spot.starts_with("no debug information")), "{:?}", audit.blind_spots);
    // All but the sum, whose location is in the standard library, and the panic with a payload, whose location the
    // optimiser moved into a function that is not known to panic.
    let is_known = |site: &String| !["115 overflow", "110 panic"].contains(&site.as_str());
    let wanted: Vec<String> = announced(SITES).into_iter().filter(is_known).collect();
    let found = found(&audit);
    assert!(wanted.iter().all(|site| found.contains(site)), "{wanted:#?} of {found:#?}");
    assert!(found.len() <= wanted.len() + 2, "sites of the standard library are not own: {:#?}", own(&audit));
}

#[test]
fn a_stripped_binary_is_refused_unless_its_debug_file_is_found() {
    let program = compile(SITES, &with(&["-Clink-arg=-Wl,--build-id=sha1"]));
    let place = program.directory.path();
    run("objcopy", &["--only-keep-debug", "own", "own.debug"], place);
    run("objcopy", &["--strip-all", "--add-gnu-debuglink=own.debug", "own"], place);
    let linked = audit(&program.binary);
    assert_exact(&linked, SITES, "by debug link");
    assert_eq!(linked.debug_information, Some(place.join("own.debug")));

    let build_id = linked.build_id.expect("a build id");
    let (first, rest) = build_id.split_at(2);
    let directory = place.join("debug/.build-id").join(first);
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::rename(place.join("own.debug"), directory.join(format!("{rest}.debug"))).expect("moved");
    let refused = firstbad_audit::audit(&program.binary, &Options::default());
    assert!(matches!(refused, Err(AuditError::NoSymbols { .. })), "{refused:?}");
    let options = Options { debug_directories: vec![place.join("debug")], ..Options::default() };
    let by_build_id = firstbad_audit::audit(&program.binary, &options).expect("found by build id");
    assert_exact(&by_build_id, SITES, "by build id");

    let other = compile(CONTROL, &with(&["-Clink-arg=-Wl,--build-id=sha1"]));
    let options = Options { debug_file: Some(other.binary.clone()), ..Options::default() };
    let refused = firstbad_audit::audit(&program.binary, &options);
    assert!(matches!(refused, Err(AuditError::OtherBuild { .. })), "{refused:?}");
}

#[test]
fn aarch64_has_the_same_sites() {
    // Linked without a cross compiler: the target brings its C library, and `rust-lld` links.
    let flags = with(&["--target=aarch64-unknown-linux-musl", "-Clinker=rust-lld"]);
    match try_compile(SITES, &flags) {
        Ok(program) => assert_exact(&audit(&program.binary), SITES, "aarch64"),
        Err(said) => {
            assert!(said.contains("can't find crate for `std`"), "{said}");
            assert!(rustc().arg("-V").status().expect("rustc").success());
            eprintln!("skipped: rustup target add aarch64-unknown-linux-musl");
        }
    }
}

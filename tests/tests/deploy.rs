//! What is deployed: derived files are what their sources give, units have few rights, the chart's defaults are the manifests, the
//! manifests build, and the Debian package finds its files. Published schemas are asked by `.ci/kubernetes`.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Greatest exposure that `systemd-analyze security` may give a unit, of 10.
const EXPOSURE_MAX: f64 = 2.0;

fn deploy() -> PathBuf {
    firstbad_tests::repository().join("deploy")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Standard output of a command that must succeed.
fn output(command: &mut Command) -> String {
    let output = command.output().expect("the test command (./test) installs it");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn derived_files_are_what_their_sources_give() {
    let derived = firstbad_deploy::files(&firstbad_tests::repository()).expect("the sources");
    assert!(derived.len() > 5, "{}", derived.len());
    for file in &derived {
        assert!(read(&deploy().join(&file.path)) == file.text, "{} is old: `cargo run -p firstbad-deploy`", file.path);
    }
    let templates = std::fs::read_dir(deploy().join("helm/firstbad/templates")).expect("templates").flatten();
    let by_hand = templates.map(|entry| entry.file_name().display().to_string());
    let by_hand: Vec<String> =
        by_hand.filter(|name| !derived.iter().any(|file| file.path.ends_with(&format!("templates/{name}")))).collect();
    assert_eq!(by_hand, ["dashboards.yaml"]);
}

/// What `systemd-analyze security` says of a unit.
fn exposure(unit: &Path) -> f64 {
    let text = output(Command::new("systemd-analyze").args(["security", "--offline=true", "--no-pager"]).arg(unit));
    let (_, level) = text.rsplit_once("Overall exposure level for ").expect("a level");
    let number = level.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a number");
    number.parse().expect("a number")
}

#[test]
fn units_have_few_rights() {
    let units = firstbad_tests::repository().join("tui/src/command");
    for name in ["sample-collector.service", "sample-agent.service"] {
        let found = exposure(&units.join(name));
        assert!(found <= EXPOSURE_MAX, "{name}: {found}");
    }
    // The check can fail: the same unit without what limits it.
    let directory = tempfile::tempdir().expect("a directory");
    let open = directory.path().join("open.service");
    std::fs::write(&open, "[Service]\nExecStart=/usr/bin/firstbad collect\n").expect("write");
    assert!(exposure(&open) > 9.0);
}

/// The chart's values by path, from the lines of `values.yaml`, which the generator writes with two levels.
fn values() -> BTreeMap<String, String> {
    let mut group = String::new();
    let mut found = BTreeMap::new();
    for line in read(&deploy().join("helm/firstbad/values.yaml")).lines().filter(|line| !line.trim().starts_with('#')) {
        if !line.starts_with(' ') {
            group.clear();
        }
        match line.trim().split_once(':').expect("a key") {
            (name, "") => group = format!("{name}."),
            (name, value) => drop(found.insert(format!("{group}{name}"), value.trim().to_owned())),
        }
    }
    found
}

/// A template with every switch on. It knows what the generator writes, and nothing else.
fn rendered(template: &str, values: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for line in template.lines().filter(|line| !line.starts_with("{{- ")) {
        let line = line.replace("{{ \"{{\" }}", "\u{1}").replace("{{ \"}}\" }}", "\u{2}");
        let mut parts = line.split("{{ ");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (reference, rest) = part.split_once(" }}").expect("the end of a reference");
            let name = reference.split(' ').next().and_then(|it| it.strip_prefix(".Values.")).expect("a value");
            whole += values.get(name).unwrap_or_else(|| panic!("no value {name}"));
            whole += rest;
        }
        text += &whole.replace('\u{1}', "{{").replace('\u{2}', "}}");
        text.push('\n');
    }
    text
}

#[test]
fn the_charts_defaults_are_the_manifests() {
    let values = values();
    assert!(values.len() > 10, "{values:?}");
    let plain = |text: &str| -> Vec<String> {
        let kept = text.lines().filter(|line| !line.starts_with("# when "));
        kept.map(|line| line.split(" # value ").next().unwrap_or_default().to_owned()).collect()
    };
    let mut seen = String::new();
    for (folder, names) in [
        ("base", &["serviceaccount", "config", "collector", "service", "agent"][..]),
        ("monitoring", &["servicemonitor", "prometheusrule"]),
    ] {
        for name in names {
            let template = read(&deploy().join(format!("helm/firstbad/templates/{name}.yaml")));
            let manifest = read(&deploy().join(format!("kubernetes/{folder}/{name}.yaml")));
            assert_eq!(plain(&rendered(&template, &values)), plain(&manifest), "{name}");
            seen += &template;
        }
    }
    seen += &read(&deploy().join("helm/firstbad/templates/dashboards.yaml"));
    let unused: Vec<&String> = values.keys().filter(|name| !seen.contains(&format!(".Values.{name} "))).collect();
    assert!(unused.is_empty(), "{unused:?}");
    assert!(deploy().join("helm/firstbad/dashboards/collector/firstbad-overview.json").is_file());
}

#[test]
fn the_manifests_build_and_every_version_is_the_workspaces() {
    let all = output(Command::new("kubectl").arg("kustomize").arg(deploy().join("kubernetes/all")));
    for kind in ["StatefulSet", "DaemonSet", "Service", "ConfigMap", "ServiceMonitor", "PrometheusRule", "Namespace"] {
        assert!(all.lines().any(|line| line == format!("kind: {kind}")), "{kind}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let images: Vec<&str> = all.lines().filter_map(|line| line.trim().strip_prefix("image: firstbad:")).collect();
    assert!(images.len() == 2 && images.iter().all(|tag| *tag == version), "{images:?}");
    let chart = read(&deploy().join("helm/firstbad/Chart.yaml"));
    assert!(chart.contains(&format!("\nversion: {version}\nappVersion: {version}\n")), "{chart}");
    // Secrets that a reader has to make are in the guide.
    let guide = read(&firstbad_tests::repository().join("docs/deploy.md"));
    for line in all.lines().filter(|line| line.trim().starts_with("secretName: ")) {
        let (_, secret) = line.split_once(": ").expect("a name");
        assert!(guide.contains(&format!("create secret generic {secret} ")), "{secret}");
    }
}

/// Keys of a configuration that the sample of all keys does not have.
fn unknown_keys(text: &str) -> Vec<String> {
    let configuration: toml::Table = text.parse().expect("TOML");
    let sample = read(&firstbad_tests::repository().join("tui/src/command/sample.toml"));
    let mut unknown = Vec::new();
    for (role, keys) in &configuration {
        let section = sample.split(&format!("[{role}]")).nth(1).and_then(|rest| rest.split("\n[").next());
        let section = section.unwrap_or_default();
        let keys = keys.as_table().expect("keys").keys();
        unknown.extend(keys.filter(|key| !section.contains(&format!("# {key} = "))).map(|key| format!("{role}.{key}")));
    }
    unknown
}

#[test]
fn the_configurations_of_manifests_and_guide_have_keys_that_exist() {
    let manifest = read(&deploy().join("kubernetes/base/config.yaml"));
    let (_, text) = manifest.split_once("firstbad.toml: |\n").expect("a configuration");
    let lines: String = text.lines().map(|line| format!("{}\n", line.trim())).collect();
    let guide = read(&firstbad_tests::repository().join("docs/deploy.md"));
    let blocks = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let all: Vec<&str> = blocks.chain([lines.as_str()]).collect();
    assert_eq!(all.len(), 3);
    for text in all {
        assert_eq!(unknown_keys(text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(unknown_keys("[agent]\nto = 1\nfrom = 2\n[collect]\nto = 3\n"), ["agent.from", "collect.to"]);
}

#[test]
fn the_debian_package_finds_its_files() {
    let tui = firstbad_tests::repository().join("tui");
    let manifest: toml::Table = read(&tui.join("Cargo.toml")).parse().expect("TOML");
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().expect("assets");
    let mut units = 0;
    for asset in assets {
        let source = asset[0].as_str().expect("a path");
        let target = asset[1].as_str().expect("a path");
        units += usize::from(target.starts_with("usr/lib/systemd/system/"));
        if source.starts_with("target/") || source.starts_with("../target/") {
            continue; // `deploy/debian/build` makes it.
        }
        let folder = Path::new(source).parent().expect("a folder");
        let ending = source.rsplit_once("*.").map(|(_, ending)| ending);
        let found = match ending {
            None => tui.join(source).is_file(),
            Some(ending) => std::fs::read_dir(tui.join(folder))
                .is_ok_and(|files| files.flatten().any(|file| file.path().extension().is_some_and(|it| it == ending))),
        };
        assert!(found, "{source}");
    }
    assert_eq!(units, 2);
    let build = read(&deploy().join("debian/build"));
    for made in ["firstbad.1", "firstbad.$shell"] {
        assert!(build.contains(&format!("target/deb/{made}")), "{made}");
    }
}

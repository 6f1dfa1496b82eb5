//! Claims on recorders, deaths that two readers could report, files that are no recorder, and the reader's own recorder.

use super::{Proxy, attributes, is_child, live, names, now, points, poll};
use firstbad_collector::recorder::{Export, RecorderSource, RecorderState, dump, list};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

#[test]
fn a_claim_is_respected_while_its_claimer_lives_and_taken_over_when_it_died() {
    if is_child() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    Proxy::start(directory.path()).kill();
    let path = list(&[directory.path().to_owned()])[0].path.clone();
    let claim = PathBuf::from(format!("{}.claim.1.2", path.display()));
    std::fs::rename(&path, &claim).unwrap();
    // Another process holds the lock of the claim, as a claimer does.
    let mut claimer = Command::new("python3")
        .args(["-c", "import fcntl,sys\nf=open(sys.argv[1],'rb')\nfcntl.lockf(f,fcntl.LOCK_SH)\nprint('held',flush=True)\nsys.stdin.read()"])
        .arg(&claim)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(claimer.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut source = RecorderSource::new(vec![directory.path().to_owned()]);
    assert!(source.poll(now()).is_empty(), "another process is reporting it");
    claimer.kill().unwrap();
    claimer.wait().unwrap();
    assert!(names(&poll(&mut source)).contains(&"firstbad.process.exit".to_owned()));
    source.commit();
    assert!(list(&[directory.path().to_owned()])[0].reported);
}

/// The exit events: instance, boot, sequence number and signal of each.
fn exits(exports: &[Export]) -> Vec<[String; 4]> {
    let resources = exports.iter().flat_map(|export| export.logs.iter().flat_map(|logs| &logs.resource_logs));
    let exits = resources.flat_map(|resource| {
        let of = attributes(&resource.resource.as_ref().unwrap().attributes)["service.instance.id"].clone();
        let records = resource.scope_logs.iter().flat_map(|scope| &scope.log_records);
        let exits = records.filter(|record| record.event_name == "firstbad.process.exit");
        exits.map(move |record| {
            let found = attributes(&record.attributes);
            let of = of.clone();
            [of, found["firstbad.boot"].clone(), found["firstbad.seq"].clone(), found["firstbad.exit.signal"].clone()]
        })
    });
    exits.collect()
}

#[test]
fn a_death_has_one_identity_from_the_next_process_and_from_a_late_agent() {
    if is_child() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut first = Proxy::start(directory.path());
    first.say("abort", "aborting");
    first.child.wait().unwrap();
    // Without an agent, the next process reports the death. An agent that starts later reads both recorders.
    let second = Proxy::start(directory.path());
    let mut source = RecorderSource::new(vec![directory.path().to_owned()]);
    let exports = source.poll(now());
    let told = exits(&exports);
    assert_eq!(told.len(), 2, "one by the next process, one from its own recorder: {told:?}");
    assert_eq!(told[0], told[1], "one identity: the receiver counts it once");
    assert_eq!(told[0][3], "6", "SIGABRT");
    assert!(exports.iter().all(|export| points(export)["firstbad.requests{ok}"] == 10), "both ship their counts");
    source.commit();
    assert!(exits(&source.poll(now())).is_empty());
    // While an agent runs, only the agent reports a death.
    second.kill();
    let third = Proxy::start(directory.path());
    let told: Vec<String> = source
        .poll(now())
        .iter()
        .filter_map(|export| export.logs.clone())
        .flat_map(|logs| logs.resource_logs)
        .flat_map(|resource| resource.scope_logs)
        .flat_map(|scope| scope.log_records)
        .filter(|record| record.event_name == "firstbad.process.exit")
        .map(|record| attributes(&record.attributes)["firstbad.boot"].clone())
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    third.kill();
}

#[test]
fn what_is_no_recorder_is_named_and_harms_nothing() {
    if is_child() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(directory.path().join(name), bytes).unwrap();
    put("junk.rec", b"\x1b]52;c;junk");
    put("empty.rec", b"");
    put("notes.txt", b"not asked for");
    let mut foreign = b"FIRSTBAD".to_vec();
    foreign.extend_from_slice(&7_u64.to_ne_bytes());
    put("foreign.rec", &foreign);
    std::os::unix::fs::symlink("/etc/passwd", directory.path().join("link.rec")).unwrap();
    let entries = list(&[directory.path().to_owned()]);
    let states: Vec<_> =
        entries.iter().map(|entry| (entry.path.file_name().unwrap().to_str().unwrap(), entry.state)).collect();
    assert_eq!(
        states,
        [
            ("empty.rec", RecorderState::Unreadable),
            ("foreign.rec", RecorderState::ForeignLayout),
            ("junk.rec", RecorderState::Unreadable),
            ("link.rec", RecorderState::Unreadable),
        ]
    );
    for entry in &entries {
        assert!(entry.problem.as_ref().unwrap().contains(entry.path.to_str().unwrap()), "{entry:?}");
    }
    let mut source = RecorderSource::new(vec![directory.path().to_owned(), PathBuf::from("/no/such/directory")]);
    assert!(source.poll(now()).is_empty());
    assert_eq!(source.problems().count(), 4);
    source.commit();
    // A reader of a later version still finds the recorder and reports its death. The file that is no recorder was renamed.
    assert!(source.poll(now()).is_empty());
    let left: Vec<String> = source.problems().map(ToString::to_string).collect();
    assert!(left.len() == 2 && left.iter().any(|problem| problem.contains("foreign.rec")), "{left:?}");
    assert!(directory.path().join("foreign.rec").exists() && directory.path().join("junk.rec.done").exists());
    assert!(dump(&directory.path().join("missing.rec")).unwrap_err().to_string().contains("missing.rec"));
}

#[test]
fn reading_ones_own_recorder_does_not_end_ones_life() {
    if is_child() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let recorder = live(directory.path());
    let path = recorder.path().unwrap().to_owned();
    let locked = || {
        let inode = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&path).unwrap());
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|line| line.contains("POSIX") && line.contains(&format!(":{inode} ")))
    };
    assert!(locked());
    {
        let mut source = RecorderSource::new(vec![directory.path().to_owned()]);
        assert_eq!(points(&poll(&mut source))["firstbad.requests{ok}"], 10);
        assert_eq!(list(&[directory.path().to_owned()])[0].state, RecorderState::Live);
        assert!(dump(&path).is_ok());
    }
    assert!(locked(), "the lock was lost by reading");
    // The control: a reader without the check does lose it.
    drop(std::fs::File::open(&path).unwrap());
    assert!(!locked());
}

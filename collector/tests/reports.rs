//! Takes what agents and crates of earlier states sent, byte for byte (`reports/README.md` says which, and how they were made): a
//! collector is newer than most of its fleet. It must acknowledge every body and conclude the same facts as then.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_collector::normalise::{Batch, Normaliser};
use firstbad_collector::otlp::{Compression, Encoding, decode_logs, decode_metrics, decompress};
use firstbad_collector::{Collector, Settings};
use firstbad_diagnosis::observation::{Load, MorePanics, Observation, Outcomes, Source};
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The processes behind all reports loaded these versions.
const ROUTES: &[u8] = b"/\n";
const GOOD: &[u8] = b"a\nb\nc\n";
const BAD: &[u8] = b"a\nb\nc\na\nb\nc\n";
const TORN: &[u8] = b"torn";

/// Far above any body kept here.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Reports of one sender, in a directory of this name.
struct Sender {
    directory: &'static str,
    /// Whether it knew the outcome `denied`: five requests were then denied that nobody made otherwise.
    denies: bool,
}

/// Senders: N-2 (recorder layout 1) and N-1 (layout 2), each once the agent and once the crate's feature `export`.
const SENDERS: [Sender; 4] = [
    Sender { directory: "agent-3508772", denies: false },
    Sender { directory: "export-3508772", denies: false },
    Sender { directory: "agent-a17c9c7", denies: true },
    Sender { directory: "export-a17c9c7", denies: true },
];

/// One request body, as it was posted.
struct Body {
    name: String,
    bytes: Vec<u8>,
}

impl Body {
    fn is_logs(&self) -> bool {
        self.name.contains("-logs.")
    }

    fn path(&self) -> &'static str {
        if self.is_logs() { "/v1/logs" } else { "/v1/metrics" }
    }

    fn is_json(&self) -> bool {
        self.name.contains(".json")
    }

    fn is_zipped(&self) -> bool {
        self.name.ends_with(".gz")
    }
}

fn bodies(sender: &Sender) -> Vec<Body> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports").join(sender.directory);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let body = |path: PathBuf| Body {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        bytes: std::fs::read(&path).unwrap(),
    };
    paths.into_iter().map(body).collect()
}

/// What the collector makes of the reports of one sender.
#[derive(Debug, Default)]
struct Concluded {
    /// Requests by config and hash; the totals under an empty name.
    requests: BTreeMap<(String, Option<Hash>), Outcomes>,
    /// Panics by version; under none: all of them.
    panics: BTreeMap<Option<Hash>, u64>,
    scores: u64,
    loads: Vec<Load>,
    messages: Vec<String>,
    sites: Vec<String>,
    starts: u64,
    ends_cleanly: Vec<bool>,
    first_failures: BTreeMap<Hash, i64>,
    senders: Vec<(String, String, String)>,
    contents: Vec<(String, Hash, Vec<u8>)>,
    gaps: Vec<String>,
    rejected: u64,
}

fn add(sum: &mut Outcomes, more: Outcomes) {
    sum.ok += more.ok;
    sum.denied += more.denied;
    sum.error += more.error;
    sum.panic += more.panic;
}

impl Concluded {
    fn of(bodies: &[Body]) -> Self {
        let (mut normaliser, mut concluded) = (Normaliser::new(&[]), Self::default());
        for body in bodies {
            let encoding = if body.is_json() { Encoding::Json } else { Encoding::Protobuf };
            let compression = if body.is_zipped() { Compression::Gzip } else { Compression::Identity };
            let bytes = decompress(&body.bytes, compression, BODY_BYTES_MAX).unwrap();
            let batch = if body.is_logs() {
                normaliser.logs(&decode_logs(&bytes, encoding).unwrap())
            } else {
                normaliser.metrics(&decode_metrics(&bytes, encoding).unwrap())
            };
            concluded.take(batch);
        }
        concluded
    }

    fn take(&mut self, batch: Batch) {
        self.rejected += batch.rejected;
        self.contents
            .extend(batch.contents.into_iter().map(|content| (content.config.to_string(), content.hash, content.body)));
        for observation in batch.observations {
            match observation {
                Observation::Row(row) => {
                    let Source::Instance { instance, host } = &row.source else { panic!("an instance sends") };
                    let sender = (host.to_string(), instance.to_string(), row.dimensions["service.name"].to_string());
                    self.senders.push(sender);
                    for panic in &row.panics {
                        let version = panic.version.as_ref().map(|(_, hash)| *hash);
                        *self.panics.entry(version).or_default() += panic.count;
                    }
                    self.scores +=
                        row.scores.iter().map(|score| score.histogram.counts.iter().sum::<u64>()).sum::<u64>();
                    for total in &row.totals {
                        add(self.requests.entry((String::new(), None)).or_default(), total.outcomes);
                    }
                    for view in &row.views {
                        let key = (view.config.to_string(), Some(view.hash));
                        add(self.requests.entry(key).or_default(), view.outcomes);
                    }
                    self.first_failures.extend(row.first_failed.iter().map(|failure| (failure.hash, failure.at.0)));
                }
                Observation::Load(load) => self.loads.push(load),
                Observation::Panic(panic) | Observation::MorePanics(MorePanics { first: panic, .. }) => {
                    self.messages.push(panic.message.to_string());
                    self.sites.extend(panic.site.iter().map(ToString::to_string));
                }
                Observation::Start(_) => self.starts += 1,
                Observation::Exit(exit) => self.ends_cleanly.push(exit.clean),
                Observation::Change(change) => panic!("nobody changed anything: {change:?}"),
                Observation::Gap(gap) => self.gaps.push(gap.sentence.to_string()),
            }
        }
        self.senders.sort();
        self.senders.dedup();
    }

    fn requests_of(&self, config: &str, content: &[u8]) -> Outcomes {
        self.requests.get(&(config.to_owned(), Some(Hash::of(content)))).copied().unwrap_or_default()
    }
}

#[test]
fn requests_panics_and_scores_are_counted_under_the_version_that_made_them() {
    for sender in SENDERS {
        let (concluded, name) = (Concluded::of(&bodies(&sender)), sender.directory);
        let denied = if sender.denies { 5 } else { 0 };
        let expected = Outcomes { ok: 120, denied, error: 10, panic: 1 };
        assert_eq!(concluded.requests[&(String::new(), None)], expected, "{name}");
        assert_eq!(concluded.requests_of("routes", ROUTES), Outcomes { panic: 0, ..expected }, "{name}");
        let good = Outcomes { ok: 100, ..Outcomes::default() };
        assert_eq!(concluded.requests_of("bot-features", GOOD), good, "{name}");
        assert_eq!(concluded.requests_of("bot-features", BAD), Outcomes { ok: 20, ..expected }, "{name}");
        assert_eq!(concluded.requests.len(), 4, "{name}: {:?}", concluded.requests);
        let panics = [None, Some(Hash::of(ROUTES)), Some(Hash::of(BAD))].map(|version| (version, 1));
        assert_eq!((concluded.panics, concluded.scores), (BTreeMap::from(panics), 130 + denied), "{name}");
        assert_eq!(concluded.messages, ["called `Option::unwrap()` on a `None` value"], "{name}");
        assert!(concluded.sites.iter().all(|site| site.starts_with("instrument/examples/told.rs:")), "{name}");
        let who = ("edge-1".to_owned(), "edge-1-0".to_owned(), "edge".to_owned());
        assert_eq!(concluded.senders, [who], "{name}");
        assert_eq!((concluded.rejected, concluded.gaps.as_slice()), (0, [].as_slice()), "{name}");
        // Layout 2 is the first one that records the first failure under a version.
        assert_eq!(concluded.first_failures.contains_key(&Hash::of(BAD)), sender.denies, "{name}");
    }
}

#[test]
fn loads_starts_exits_and_contents_are_understood() {
    for sender in SENDERS {
        let (concluded, name) = (Concluded::of(&bodies(&sender)), sender.directory);
        let results = concluded.loads.iter().filter_map(|load| Some((load.hash, load.result?)));
        let expected = [
            (Hash::of(ROUTES), LoadResult::Applied),
            (Hash::of(GOOD), LoadResult::Applied),
            (Hash::of(BAD), LoadResult::Applied),
            (Hash::of(TORN), LoadResult::KeptLastGood),
        ];
        assert_eq!(results.collect::<Vec<_>>(), expected, "{name}");
        let of = |content| concluded.loads.iter().rfind(|load| load.hash == Hash::of(content)).unwrap();
        let (bad, torn) = (of(BAD), of(TORN));
        assert_eq!(bad.facts.numbers["rows"], 6, "{name}");
        assert_eq!(bad.facts.numbers["duplicate_rows"], 3, "{name}");
        assert_eq!(bad.facts.numbers["generation"], 2, "{name}");
        assert_eq!((bad.facts.limits["rows"], &*bad.facts.words["label"]), (3, "g2"), "{name}");
        assert_eq!((bad.previous, torn.previous), (Some(Hash::of(GOOD)), Some(Hash::of(BAD))), "{name}");
        assert_eq!((torn.reason.as_deref(), torn.error.as_deref()), (Some("parse"), Some("no line end")), "{name}");
        // The agent outlives the process; so it tells its end, and it alone sends contents.
        let ends: &[bool] = if name.starts_with("agent") { &[true] } else { &[] };
        assert_eq!((concluded.starts, concluded.ends_cleanly.as_slice()), (1, ends), "{name}");
        let kept =
            concluded.contents.iter().find(|(_, hash, _)| *hash == Hash::of(BAD)).map(|(_, _, body)| body.as_slice());
        assert_eq!(kept, name.starts_with("agent").then_some(BAD), "{name}");
    }
}

#[test]
fn a_collector_acknowledges_every_body() {
    for sender in SENDERS {
        let directory = tempfile::tempdir().unwrap();
        let collector = Collector::start(Settings::on_free_ports(directory.path())).unwrap();
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        for body in bodies(&sender) {
            let media_type = if body.is_json() { "application/json" } else { "application/x-protobuf" };
            let mut request =
                agent.post(format!("{}{}", collector.otlp_url(), body.path())).header("content-type", media_type);
            if body.is_zipped() {
                request = request.header("content-encoding", "gzip");
            }
            let mut answer = request.send(&body.bytes[..]).unwrap();
            let said = answer.body_mut().read_to_string().unwrap();
            // An answer without a word: all of it was taken.
            assert_eq!((answer.status().as_u16(), said.trim_matches(['{', '}'])), (200, ""), "{}", body.name);
        }
        let status = collector.client().status().unwrap();
        assert!(status.refused.values().all(|count| *count == 0), "{}: {:?}", sender.directory, status.refused);
    }
}

//! The dashboard of the collector itself: whether what the others show can be relied on.

use crate::board::Board;
use crate::links::{playbook, uid};
use crate::panel::{Kind, Panel, Words};
use crate::query::Query;
use crate::source::Source;

/// The dashboard. There is one: every fleet has a collector.
pub(crate) fn board() -> Board {
    let target = Query::new(Source::Collector).target();
    let panels = [intake(&target), store(&target), knowledge(&target)].concat();
    Board {
        uid: uid("collector", Source::Collector),
        title: "firstbad / Collector health".to_owned(),
        description: "Whether the collector receives, stores and judges what the fleet sends, and alerts reach somebody.",
        source: Source::Collector,
        versions: false,
        panels,
    }
}

fn lines(unit: &'static str, words: Words) -> Panel {
    Panel::new(Kind::Lines, unit, words)
}

const NOT_SCRAPED: &str = "no collector is scraped";

fn intake(target: &str) -> Vec<Panel> {
    let rate = |metric: &str, by: &str| format!("sum by ({by}) (rate({metric}{{{target}}}[$__rate_interval]))");
    vec![
        lines("none", Words {
            title: "Collectors that answer",
            description: "1 for each collector that Prometheus reaches. At 0 nobody watches the fleet; agents keep what they have.",
            empty: NOT_SCRAPED,
        })
        .ask(format!("up{{{target}}}"), "{{instance}}")
        .link(playbook("silent-hosts")),
        lines("none", Words {
            title: "Reasons not to rely on the collector",
            description: "1 while nothing can be stored, the clock was set back, verdicts are behind, or no process reports any more.",
            empty: NOT_SCRAPED,
        })
        .ask(format!("max by (reason) (firstbad_collector_degraded{{{target}}})"), "{{reason}}")
        .link(playbook("silent-hosts")),
        lines("s", Words {
            title: "Age of the newest data",
            description: "Time since the newest event of the fleet. What the screens show is this old.",
            empty: "no telemetry received yet",
        })
        .ask(format!("time() - max by (instance) (firstbad_collector_last_event_timestamp_seconds{{{target}}} > 0)"), "{{instance}}")
        .link(playbook("silent-hosts")),
        lines("ops", Words {
            title: "Received",
            description: "Points and events a second that were received, stored and acknowledged.",
            empty: NOT_SCRAPED,
        })
        .ask(rate("firstbad_collector_received_total", "signal"), "{{signal}}"),
        lines("ops", Words {
            title: "Refused",
            description: "Requests or items a second that were refused, by reason. `firstbad doctor` says which sender lacks what.",
            empty: NOT_SCRAPED,
        })
        .ask(rate("firstbad_collector_refused_total", "reason"), "{{reason}}")
        .link(playbook("insufficient-evidence")),
        lines("Bps", Words {
            title: "Bytes received",
            description: "Bytes a second as they arrive, before decompression.",
            empty: NOT_SCRAPED,
        })
        .ask(rate("firstbad_collector_received_bytes_total", "instance"), "{{instance}}"),
        lines("percentunit", Words {
            title: "Queue fill",
            description: "Requests that wait for a commit, over those that may. At 100 % senders are asked to retry.",
            empty: NOT_SCRAPED,
        })
        .ask(
            format!("max by (instance) (firstbad_collector_queue_length{{{target}}} / (firstbad_collector_queue_capacity{{{target}}} > 0))"),
            "{{instance}}",
        ),
    ]
}

fn store(target: &str) -> Vec<Panel> {
    let commit = |part: &str| format!("firstbad_collector_store_commit_seconds{part}{{{target}}}[$__rate_interval]");
    vec![
        lines("s", Words {
            title: "Duration of commits",
            description: "99 % and half of the commits take no longer. A commit is one fsync: a slow disk shows here first.",
            empty: "nothing was committed in this range",
        })
        .ask(format!("histogram_quantile(0.99, sum by (le) (rate({})))", commit("_bucket")), "p99")
        .ask(format!("histogram_quantile(0.5, sum by (le) (rate({})))", commit("_bucket")), "p50"),
        lines("bytes", Words {
            title: "Size of the store",
            description: "Bytes on disk, with the log of the database.",
            empty: NOT_SCRAPED,
        })
        .ask(format!("max by (instance) (firstbad_collector_store_size_bytes{{{target}}})"), "{{instance}}"),
    ]
}

fn knowledge(target: &str) -> Vec<Panel> {
    vec![
        Panel::new(Kind::Areas, "none", Words {
            title: "Hosts that report and hosts that are silent",
            description: "Silent hosts stopped without a clean exit or a replacement.",
            empty: NOT_SCRAPED,
        })
        .ask(format!("sum by (state) (firstbad_collector_hosts{{{target}}})"), "{{state}}")
        .link(playbook("silent-hosts")),
        lines("none", Words {
            title: "Incidents by state and verdict",
            description: "Incidents that the collector holds.",
            empty: NOT_SCRAPED,
        })
        .ask(format!("sum by (state,verdict) (firstbad_collector_incidents{{{target}}})"), "{{state}} {{verdict}}"),
        lines("percentunit", Words {
            title: "Confidence by suspected version",
            description: "Confidence that a version is the cause of an open incident.",
            empty: "no version is suspected",
        })
        .ask(
            format!("max by (config,config_hash) (firstbad_collector_suspect_confidence_ratio{{{target}}})"),
            "{{config}} {{config_hash}}",
        ),
        lines("ops", Words {
            title: "Notifications",
            description: "Alerts a second that were sent to Alertmanager, or could not be.",
            empty: NOT_SCRAPED,
        })
        .ask(
            format!("sum by (target,result) (rate(firstbad_collector_notifications_total{{{target}}}[$__rate_interval]))"),
            "{{target}} {{result}}",
        ),
        lines("ops", Words {
            title: "Versions without a label of their own",
            description: "Versions a second that were folded into `other`, because more than 8 of one input were live.",
            empty: NOT_SCRAPED,
        })
        .ask(format!("sum by (instance) (rate(firstbad_metric_hashes_evicted_total{{{target}}}[$__rate_interval]))"), "{{instance}}"),
        Panel::new(Kind::Table, "none", Words {
            title: "Versions of the collector",
            description: "Which collector runs where.",
            empty: NOT_SCRAPED,
        })
        .ask(format!("sum by (instance,version) (firstbad_collector_build_info{{{target}}})"), "{{instance}} {{version}}"),
    ]
}

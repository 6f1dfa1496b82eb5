//! The first dashboard on call: does the fleet fail, under which version, and what is new.

use crate::board::Board;
use crate::links::{playbook, this_row, this_version, uid};
use crate::panel::{Kind, Panel, Words};
use crate::query::Query;
use crate::source::{Measure, Source};

/// The dashboard of this source.
pub(crate) fn board(source: Source) -> Board {
    let query = Query::new(source);
    let mut panels = Vec::new();
    if source == Source::Collector {
        panels.extend(incidents());
    }
    panels.extend(numbers(query));
    panels.extend(failures(query));
    panels.extend(inputs(query));
    Board {
        uid: uid("overview", source),
        title: format!("firstbad / Fleet overview ({})", source.title()),
        description: "Whether the fleet fails, under which version of which input, since when, and what is new.",
        source,
        versions: true,
        panels,
    }
}

/// Panels of incidents. Only the collector's own metrics have them.
fn incidents() -> Vec<Panel> {
    let target = Query::new(Source::Collector).target();
    vec![
        Panel::new(Kind::Table, "none", Words {
            title: "Incidents that are not over",
            description: "What the collector says of each incident. `firstbad report ID` prints the evidence and the safe next step.",
            empty: "no open incident",
        })
        .ask(
            format!("sum by (incident,verdict,severity,config,sentence) (firstbad_collector_incident_info{{{target}}})"),
            "{{sentence}}",
        )
        .link(playbook("insufficient-evidence")),
        Panel::new(Kind::Table, "percentunit", Words {
            title: "Suspected versions",
            description: "Confidence that a version is the cause of an open incident.",
            empty: "no version is suspected",
        })
        .ask(
            format!("max by (config,config_hash) (firstbad_collector_suspect_confidence_ratio{{{target}}}) > 0"),
            "{{config}} {{config_hash}}",
        )
        .data_link(this_row(Query::new(Source::Collector))),
    ]
}

fn numbers(query: Query) -> Vec<Panel> {
    let by_version = query.by_version();
    let versions = query.versions(Measure::Active);
    let mut panels = vec![
        Panel::new(Kind::Stat, "percentunit", Words {
            title: "Failed requests",
            description: "Requests that ended in an error or a panic, over all requests of the fleet.",
            empty: "no requests counted",
        })
        .ask(query.failed_share_of_all(""), "failed")
        .bad_from(0.05),
        Panel::new(Kind::Stat, "none", Words {
            title: "Active versions",
            description: "Versions of the chosen inputs that are active somewhere. More than one for each input is a rollout or a split fleet.",
            empty: "no version reported",
        })
        .ask(format!("count(sum by ({by_version}) ({versions}) > 0)"), "versions"),
        Panel::new(Kind::Stat, "none", Words {
            title: "Panics in this range",
            description: "Panics within the chosen time, whatever version was active.",
            empty: "no panics counted",
        })
        .ask(panics_of_all(query), "panics")
        .bad_from(1.0),
        Panel::new(Kind::Stat, "percentunit", Words {
            title: "Fullest limit",
            description: "Greatest observed value over a limit that proxies declare. 100 % is where the next row does not fit.",
            empty: "no limit declared",
        })
        .ask(format!("max({})", query.configs(Measure::LimitUsage)), "used")
        .bad_from(1.0)
        .link(playbook("oversized-input")),
        Panel::new(Kind::Stat, "percentunit", Words {
            title: "Scores of zero",
            description: "Scores that are 0, over all scores: a module that fails in silence gives 0 to everybody.",
            empty: "no scores sent",
        })
        .ask(query.scores_up_to("=\"0.5\"", ""), "zero")
        .bad_from(0.9)
        .link(playbook("silent-zero-scores")),
    ];
    panels.push(who_reports(query));
    panels
}

/// Views by version are never added up over configs: a panic counts once for each config that was active.
fn panics_of_all(query: Query) -> String {
    let config = query.labels.config;
    let of = |matcher: &str| {
        format!("increase({}[$__range])", query.whole(Measure::Panics, &format!(",{config}{matcher}\"\"")))
    };
    format!("sum({}) or max(sum by ({config}) ({}))", of("="), of("!="))
}

fn who_reports(query: Query) -> Panel {
    let target = query.target();
    if query.source == Source::Collector {
        return Panel::new(Kind::Stat, "none", Words {
            title: "Silent hosts",
            description: "Hosts that stopped reporting without a clean exit or a replacement. Silence is not health.",
            empty: "no host ever reported",
        })
        .ask(format!("sum(firstbad_collector_hosts{{{target},state=\"silent\"}})"), "silent")
        .bad_from(1.0)
        .link(playbook("silent-hosts"));
    }
    let processes = |name: &str| format!("count(count by (instance) ({name}{{{target}}}))");
    let own = query.source.metric(Measure::Requests).unwrap_or_default();
    Panel::new(
        Kind::Stat,
        "none",
        Words {
            title: "Processes",
            description: "Processes whose requests are counted.",
            empty: "no process counts requests",
        },
    )
    .ask(format!("{} or {}", processes(&own), processes(crate::source::STANDARD_REQUESTS)), "processes")
}

fn failures(query: Query) -> Vec<Panel> {
    let (by, legend) = (query.by_version(), query.legend());
    let mut panels = vec![
        Panel::new(Kind::Lines, "percentunit", Words {
            title: "Failed share by version",
            description: "Failed requests over requests, of those that used each version, and of the whole fleet. A version that fails while the others do not is the one to look at. Senders that do not say which version a request used have only the line of the fleet.",
            empty: "no requests counted",
        })
        .ask(query.named(&query.failed_share(&by, &query.chosen())), legend.clone())
        .ask(query.failed_share_of_all(""), "whole fleet")
        .link(playbook("bad-input"))
        .data_link(this_version(query)),
        active(query),
        Panel::new(Kind::Lines, "percentunit", Words {
            title: "Scores of zero by version",
            description: "Scores that are 0, over scores, by version. No error is reported where this rises alone.",
            empty: "no scores sent, or no bucket ends at 0.5",
        })
        .ask(query.named(&query.scores_up_to("=\"0.5\"", &by)), legend.clone())
        .link(playbook("silent-zero-scores"))
        .data_link(this_version(query)),
        Panel::new(Kind::Lines, "ops", Words {
            title: "Panics by version",
            description: "Panics a second by the version that was active. Every version that was active is counted, guilty or not.",
            empty: "no panics counted",
        })
        .ask(query.named(&query.rate(&query.versions(Measure::Panics), &by)), legend)
        .data_link(this_version(query)),
    ];
    panels.extend(if query.source == Source::Collector { by_kind(query) } else { by_region(query) });
    panels
}

/// The collector sums over regions.
fn by_kind(query: Query) -> Vec<Panel> {
    let (config, outcome, result) = (query.labels.config, query.labels.outcome, query.labels.result);
    let totals = query.whole(Measure::Requests, &format!(",{config}=\"\""));
    vec![
        Panel::new(Kind::Areas, "reqps", Words {
            title: "Requests by outcome",
            description: "Requests a second of the whole fleet. `denied`: answered, but the client was turned away.",
            empty: "no requests counted",
        })
        .ask(query.rate(&totals, outcome), format!("{{{{{outcome}}}}}")),
        Panel::new(Kind::Areas, "none", Words {
            title: "Loads by result",
            description: "Loads of the chosen versions. `kept_last_good`: refused, the version before serves on. `rejected`: refused, and nothing serves.",
            empty: "no loads counted",
        })
        .ask(query.increase(&query.versions(Measure::Loads), result), format!("{{{{{result}}}}}"))
        .link(playbook("refused-load")),
    ]
}

fn by_region(query: Query) -> Vec<Panel> {
    let region = query.labels.region;
    vec![
        Panel::new(Kind::Lines, "reqps", Words {
            title: "Requests by region",
            description: "Requests a second. One line without a name is a fleet whose targets have no region.",
            empty: "no requests counted",
        })
        .ask(query.requests_of_all(region), format!("{{{{{region}}}}}")),
        Panel::new(Kind::Lines, "percentunit", Words {
            title: "Failed share by region",
            description: "Failed requests over requests by region. If one region alone fails and every version fails there, it is no input.",
            empty: "no requests counted",
        })
        .ask(query.failed_share_of_all(region), format!("{{{{{region}}}}}"))
        .link(playbook("external-dimension")),
    ]
}

/// Where each version is active.
pub(crate) fn active(query: Query) -> Panel {
    let words = if query.source == Source::Collector {
        Words {
            title: "Hosts by active version",
            description: "Hosts on which each version is active. A rollout is one area growing into another.",
            empty: "no version reported",
        }
    } else {
        Words {
            title: "Processes by active version",
            description: "Processes in which each version is active. A rollout is one area growing into another.",
            empty: "no version reported",
        }
    };
    let versions = query.versions(Measure::Active);
    Panel::new(Kind::Areas, "none", words)
        .ask(query.named(&format!("sum by ({}) ({versions})", query.by_version())), query.legend())
        .link(playbook("input-went-backwards"))
        .data_link(this_version(query))
}

fn inputs(query: Query) -> Vec<Panel> {
    let by = query.by_version();
    let greatest = |measure: Measure| query.named(&format!("max by ({by}) ({})", query.versions(measure)));
    vec![
        limits(query),
        Panel::new(Kind::Lines, "none", Words {
            title: "Rows and duplicate rows",
            description: "Rows of each version, and rows that repeat an earlier one. A file that doubles overnight is worth a look before it is full.",
            empty: "no version says how many rows it has",
        })
        .ask(greatest(Measure::Rows), format!("{} rows", query.legend()))
        .ask(greatest(Measure::DuplicateRows), format!("{} duplicates", query.legend()))
        .link(playbook("duplicate-rows"))
        .data_link(this_version(query)),
    ]
}

/// Usage of limits by config.
pub(crate) fn limits(query: Query) -> Panel {
    let (config, limit) = (query.labels.config, query.labels.limit);
    Panel::new(Kind::Lines, "percentunit", Words {
        title: "Limit usage",
        description: "Observed value over declared limit. Declare a limit where memory is preallocated or a table has a size.",
        empty: "no limit declared",
    })
    .ask(
        format!("max by ({config},{limit}) ({})", query.configs(Measure::LimitUsage)),
        format!("{{{{{config}}}}} {{{{{limit}}}}}"),
    )
    .link(playbook("oversized-input"))
}

//! The dashboard of versions: what was loaded when, what was refused, and how one version does beside all others.

use crate::board::Board;
use crate::links::{playbook, this_row, this_version, uid};
use crate::overview::{active, limits};
use crate::panel::{Kind, Panel, Words};
use crate::query::Query;
use crate::source::{Measure, Source};

/// The dashboard of this source.
pub(crate) fn board(source: Source) -> Board {
    let query = Query::new(source);
    let mut panels = compared(query);
    panels.extend(loads(query));
    panels.extend(contents(query));
    if source != Source::Collector {
        panels.extend(of_processes(query));
    }
    Board {
        uid: uid("versions", source),
        title: format!("firstbad / Config versions ({})", source.title()),
        description: "What was loaded when, what was refused, and how the chosen version does beside all others.",
        source,
        versions: true,
        panels,
    }
}

fn compared(query: Query) -> Vec<Panel> {
    let (config, hash, outcome) = (query.labels.config, query.labels.hash, query.labels.outcome);
    let others = format!(",{hash}!~\"$hash\"{}", query.of_config());
    let requests = query.versions(Measure::Requests);
    vec![
        Panel::new(Kind::Lines, "percentunit", Words {
            title: "Failed share of the chosen version and of all others",
            description: "Choose a version above. If only its line rises, the version is the difference; if both rise, it is something else. With all versions chosen there are no others.",
            empty: "no requests counted by version",
        })
        .ask(query.failed_share(config, &query.chosen()), format!("{{{{{config}}}}} chosen"))
        .ask(query.failed_share(config, &others), format!("{{{{{config}}}}} all others"))
        .ask(query.failed_share_of_all(""), "whole fleet")
        .link(playbook("bad-input")),
        Panel::new(Kind::Areas, "reqps", Words {
            title: "Requests of the chosen version by outcome",
            description: "Requests a second that used the chosen version.",
            empty: "no requests counted by version",
        })
        .ask(query.rate(&requests, outcome), format!("{{{{{outcome}}}}}")),
        Panel::new(Kind::Lines, "reqps", Words {
            title: "Requests by version",
            description: "Requests a second that used each version, and those of the whole fleet.",
            empty: "no requests counted",
        })
        .ask(query.named(&query.rate(&requests, &query.by_version())), query.legend())
        .ask(query.requests_of_all(""), "whole fleet")
        .data_link(this_version(query)),
        active(query),
    ]
}

fn loads(query: Query) -> Vec<Panel> {
    let (result, reason) = (query.labels.result, query.labels.reason);
    let all = query.versions(Measure::Loads);
    let refused = query.versions_where(Measure::Loads, &format!(",{result}=~\"kept_last_good|rejected\""));
    let by = query.by_version();
    let loaded = query.loaded_at();
    vec![
        Panel::new(Kind::Areas, "none", Words {
            title: "Loads by result",
            description: "Loads of the chosen versions. `kept_last_good`: refused, the version before serves on. `rejected`: refused, and nothing serves.",
            empty: "no loads counted",
        })
        .ask(query.increase(&all, &format!("{result},{reason}")), format!("{{{{{result}}}}} {{{{{reason}}}}}"))
        .link(playbook("refused-load")),
        Panel::new(Kind::Table, "none", Words {
            title: "Refused loads in this range",
            description: "Versions that hosts refused within the chosen time, and why.",
            empty: "no load was refused",
        })
        .ask(
            query.named(&format!("sum by ({by},{result},{reason}) (increase({refused}[$__range])) > 0")),
            format!("{} {{{{{reason}}}}}", query.legend()),
        )
        .link(playbook("refused-load"))
        .data_link(this_row(query)),
        Panel::new(Kind::Lines, "s", Words {
            title: "Time since the first load",
            description: "Age of each version. Old and active is a feed that has stopped, or an input that rarely changes.",
            empty: "no load time reported",
        })
        .ask(query.named(&format!("time() - {loaded}")), query.legend())
        .link(playbook("input-went-backwards")),
        Panel::new(Kind::Table, "dateTimeAsIso", Words {
            title: "When each version was first loaded",
            description: "First load in the fleet. Compare it with the moment at which the failing began.",
            empty: "no load time reported",
        })
        .ask(query.named(&format!("({loaded}) * 1000")), query.legend())
        .data_link(this_row(query)),
    ]
}

fn contents(query: Query) -> Vec<Panel> {
    let config = query.labels.config;
    let rows = query.configs(Measure::Rows);
    let by = query.by_version();
    let greatest = |measure: Measure| query.named(&format!("max by ({by}) ({})", query.versions(measure)));
    vec![
        limits(query),
        Panel::new(
            Kind::Lines,
            "percentunit",
            Words {
                title: "Rows beside an hour ago",
                description: "Rows of the largest version of each input, over those an hour ago. 200 % has doubled.",
                empty: "no rows reported an hour ago",
            },
        )
        .ask(
            format!("max by ({config}) ({rows}) / (max by ({config}) ({rows} offset 1h) > 0)"),
            format!("{{{{{config}}}}}"),
        )
        .link(playbook("oversized-input")),
        Panel::new(
            Kind::Lines,
            "none",
            Words {
                title: "Rows by version",
                description: "Rows of each version.",
                empty: "no version says how many rows it has",
            },
        )
        .ask(greatest(Measure::Rows), query.legend())
        .data_link(this_version(query)),
        Panel::new(
            Kind::Lines,
            "none",
            Words {
                title: "Duplicate rows by version",
                description: "Rows that repeat an earlier row of the same version.",
                empty: "no version says how many rows repeat",
            },
        )
        .ask(greatest(Measure::DuplicateRows), query.legend())
        .link(playbook("duplicate-rows"))
        .data_link(this_version(query)),
    ]
}

/// Panels of metrics that only the processes serve.
fn of_processes(query: Query) -> Vec<Panel> {
    let (config, limit, site, reason) =
        (query.labels.config, query.labels.limit, query.labels.site, query.labels.reason);
    let by = query.by_version();
    let region = query.labels.region;
    let failed = query.versions(Measure::FirstFailed);
    let mut panels = vec![
        Panel::new(Kind::Lines, "bytes", Words {
            title: "Size by version",
            description: "Bytes of each version.",
            empty: "no version says its size",
        })
        .ask(query.named(&format!("max by ({by}) ({})", query.versions(Measure::Size))), query.legend()),
        Panel::new(Kind::Lines, "none", Words {
            title: "Declared limits",
            description: "Limits that the proxies declare. Two values of one limit are two binaries.",
            empty: "no limit declared",
        })
        .ask(
            format!("max by ({config},{limit}) ({})", query.configs(Measure::Limit)),
            format!("{{{{{config}}}}} {{{{{limit}}}}} greatest"),
        )
        .ask(
            format!("min by ({config},{limit}) ({})", query.configs(Measure::Limit)),
            format!("{{{{{config}}}}} {{{{{limit}}}}} least"),
        ),
        Panel::new(Kind::Table, "dateTimeAsIso", Words {
            title: "When requests first failed under each version",
            description: "Earliest failed request of any process under that version.",
            empty: "no request failed under a version",
        })
        .ask(query.named(&format!("min by ({by}) ({failed}) * 1000")), query.legend())
        .data_link(this_row(query)),
        Panel::new(Kind::Lines, "ops", Words {
            title: "Panics by place",
            description: "Panics a second by file, line and column of the code.",
            empty: "no panics counted",
        })
        .ask(query.rate(&query.versions(Measure::Panics), site), format!("{{{{{site}}}}}")),
        Panel::new(Kind::Lines, "percentunit", Words {
            title: "Failed share of the chosen version by region",
            description: "Failed requests over requests that used the chosen version.",
            empty: "no requests counted by version",
        })
        .ask(query.failed_share(region, &query.chosen()), format!("{{{{{region}}}}}"))
        .link(playbook("external-dimension")),
        Panel::new(Kind::Lines, "ops", Words {
            title: "Telemetry that was not kept",
            description: "Events a second that did not fit, by reason. What is missing here is missing in every verdict.",
            empty: "everything was kept",
        })
        .ask(query.rate(&query.whole(Measure::Dropped, ""), reason), format!("{{{{{reason}}}}}")),
    ];
    if query.source == Source::Proxy {
        panels.push(
            Panel::new(
                Kind::Lines,
                "ops",
                Words {
                    title: "Versions without a label of their own",
                    description: "Versions a second that were folded into `other`, because more than 8 were live.",
                    empty: "no version was folded",
                },
            )
            .ask(
                format!("sum(rate(firstbad_metric_hashes_evicted_total{{{}}}[$__rate_interval]))", query.target()),
                "folded",
            ),
        );
    }
    panels
}

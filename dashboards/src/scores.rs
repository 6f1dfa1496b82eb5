//! The dashboard of scores: what a module decided under each version. A module that fails in silence shows here alone.

use crate::board::Board;
use crate::links::{playbook, this_version, uid};
use crate::panel::{Kind, Panel, Words};
use crate::query::Query;
use crate::source::{Measure, Source};

const NONE_SENT: &str = "no scores sent";

/// The dashboard of this source.
pub(crate) fn board(source: Source) -> Board {
    let query = Query::new(source);
    let mut panels = vec![distribution(query)];
    panels.extend(shares(query));
    panels.extend(middles(query));
    panels.extend(counts(query));
    Board {
        uid: uid("scores", source),
        title: format!("firstbad / Scores ({})", source.title()),
        description: "The scores that requests got under each version.",
        source,
        versions: true,
        panels,
    }
}

fn distribution(query: Query) -> Panel {
    Panel::new(
        Kind::Heatmap,
        "none",
        Words {
            title: "Scores of the chosen versions",
            description: "Scores by bucket over time. A band that jumps at a load is that version's doing.",
            empty: NONE_SENT,
        },
    )
    .ask(query.increase(&query.score_part("_bucket"), "le"), "{{le}}")
    .link(playbook("score-drift"))
}

fn shares(query: Query) -> Vec<Panel> {
    let by = query.by_version();
    // Prometheus 3 writes the bound 30 as 30.0.
    let low = query.scores_up_to("=~\"30([.]0)?\"", &by);
    vec![
        Panel::new(Kind::Lines, "percentunit", Words {
            title: "Scores of zero",
            description: "Scores that are 0, over scores, by version.",
            empty: "no scores sent, or no bucket ends at 0.5",
        })
        .ask(query.named(&query.scores_up_to("=\"0.5\"", &by)), query.legend())
        .link(playbook("silent-zero-scores"))
        .data_link(this_version(query)),
        Panel::new(Kind::Lines, "percentunit", Words {
            title: "Scores up to 30",
            description: "Scores up to 30, over scores, by version: where many systems of bot scores begin to block.",
            empty: "no scores sent, or no bucket ends at 30",
        })
        .ask(query.named(&low), query.legend())
        .link(playbook("score-drift"))
        .data_link(this_version(query)),
    ]
}

fn middles(query: Query) -> Vec<Panel> {
    let by = query.by_version();
    let mean = Query::share(&query.rate(&query.score_part("_sum"), &by), &query.rate(&query.score_part("_count"), &by));
    let quantile = |panel: Panel, quantile: f64| {
        panel.ask(query.named(&query.score_quantile(quantile)), format!("{} p{:.0}", query.legend(), quantile * 100.0))
    };
    let quantiles = Panel::new(Kind::Lines, "none", Words {
        title: "Quantiles by version",
        description: "Scores below which 10 %, 50 % and 90 % of the scores lie. They are exact to the width of a bucket.",
        empty: NONE_SENT,
    })
    .link(playbook("score-drift"))
    .data_link(this_version(query));
    vec![
        [0.1, 0.5, 0.9].into_iter().fold(quantiles, quantile),
        Panel::new(
            Kind::Lines,
            "none",
            Words {
                title: "Mean by version",
                description: "Mean score by version. It moves with any part of the distribution.",
                empty: NONE_SENT,
            },
        )
        .ask(query.named(&mean), query.legend())
        .link(playbook("score-drift"))
        .data_link(this_version(query)),
    ]
}

fn counts(query: Query) -> Vec<Panel> {
    let (reason, region) = (query.labels.reason, query.labels.region);
    let defaulted = query.rate(&query.versions(Measure::Defaulted), reason);
    let mut panels = vec![
        Panel::new(Kind::Areas, "ops", Words {
            title: "Scores that were not computed",
            description: "Scores a second that are the module's sentinel, not a number, or out of range.",
            empty: "every score was computed, or none was sent",
        })
        .ask(defaulted, format!("{{{{{reason}}}}}"))
        .link(playbook("silent-zero-scores")),
        Panel::new(Kind::Lines, "ops", Words {
            title: "Scores by version",
            description: "Scores a second by version. No scores under a version that serves requests is a module that is off.",
            empty: NONE_SENT,
        })
        .ask(query.named(&query.rate(&query.score_part("_count"), &query.by_version())), query.legend())
        .data_link(this_version(query)),
    ];
    if query.source != Source::Collector {
        panels.push(
            Panel::new(
                Kind::Lines,
                "percentunit",
                Words {
                    title: "Scores of zero by region",
                    description: "Scores that are 0, over scores, by region.",
                    empty: "no scores sent, or no bucket ends at 0.5",
                },
            )
            .ask(query.scores_up_to("=\"0.5\"", region), format!("{{{{{region}}}}}"))
            .link(playbook("external-dimension")),
        );
    }
    panels
}

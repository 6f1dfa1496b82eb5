//! PromQL of one source: selectors with the variables of the dashboards, rates, shares and quantiles. Only functions that
//! Prometheus 2.42 has are used.

use crate::source::{Labels, Measure, STANDARD_REQUESTS, STANDARD_STATUS, Source};

/// The range of every rate: four scrape intervals at least, as Grafana computes it.
const RANGE: &str = "[$__rate_interval]";

/// Writes queries for one source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    pub(crate) source: Source,
    pub(crate) labels: Labels,
}

impl Query {
    pub(crate) const fn new(source: Source) -> Self {
        Self { source, labels: source.labels() }
    }

    /// The matchers that every selector has.
    pub(crate) fn target(self) -> String {
        format!("job=~\"$job\",instance=~\"$instance\",{}=~\"$region\"", self.labels.region)
    }

    /// Selector of everything that a measure has; `more` are further matchers, each with a comma before it. None where the
    /// source does not have the measure.
    fn select(self, measure: Measure, suffix: &str, more: &str) -> Option<String> {
        let name = self.source.metric(measure)?;
        let target = self.target();
        // SDKs send these gauges with the unit `1` or without a unit.
        let other = Source::Proxy.metric(measure).filter(|served| *served != name && self.source == Source::Otlp);
        Some(match other {
            Some(other) => format!("{{__name__=~\"{other}|{name}\",{target}{more}}}"),
            None => format!("{name}{suffix}{{{target}{more}}}"),
        })
    }

    /// Matchers of the chosen config and version.
    pub(crate) fn chosen(self) -> String {
        format!(",{}=~\"$hash\"{}", self.labels.hash, self.of_config())
    }

    /// Matcher of the chosen config, whatever its version.
    pub(crate) fn of_config(self) -> String {
        format!(",{}=~\"$config\"", self.labels.config)
    }

    /// Selector of the chosen versions of a measure.
    pub(crate) fn versions(self, measure: Measure) -> String {
        self.versions_where(measure, "")
    }

    /// Selector of a measure by config, without a hash.
    pub(crate) fn configs(self, measure: Measure) -> String {
        self.select(measure, "", &self.of_config()).unwrap_or_default()
    }

    /// Selector of the chosen versions of a measure, with further matchers, each with a comma before it.
    pub(crate) fn versions_where(self, measure: Measure, more: &str) -> String {
        self.select(measure, "", &format!("{}{more}", self.chosen())).unwrap_or_default()
    }

    /// Selector of a measure without restriction to a config, with further matchers.
    pub(crate) fn whole(self, measure: Measure, more: &str) -> String {
        self.select(measure, "", more).unwrap_or_default()
    }

    /// Labels of a sum by version.
    pub(crate) fn by_version(self) -> String {
        format!("{},{}", self.labels.config, self.labels.hash)
    }

    /// Per second, summed by `by`.
    pub(crate) fn rate(self, selector: &str, by: &str) -> String {
        format!("sum by ({by}) (rate({selector}{RANGE}))")
    }

    /// Within the range of one point, summed by `by`.
    pub(crate) fn increase(self, selector: &str, by: &str) -> String {
        format!("sum by ({by}) (increase({selector}{RANGE}))")
    }

    /// A share of two sums; without data where nothing was counted, because 0/0 would be shown as a number.
    pub(crate) fn share(part: &str, whole: &str) -> String {
        format!("{part} / ({whole} > 0)")
    }

    /// Failed requests over requests, by `by`, of the versions that `more` selects.
    pub(crate) fn failed_share(self, by: &str, more: &str) -> String {
        let failed = format!("{more},{}=~\"error|panic\"", self.labels.outcome);
        let of = |more: &str| self.rate(&self.whole(Measure::Requests, more), by);
        let whole = of(more);
        if self.source == Source::Collector {
            return Self::share(&of(&failed), &whole); // It serves every outcome, at 0 if need be.
        }
        Self::share(&format!("({} or 0 * {whole})", of(&failed)), &whole)
    }

    /// Failed requests over requests of everything. Of senders of standard metrics alone, the standard count stands for it.
    pub(crate) fn failed_share_of_all(self, by: &str) -> String {
        let totals = format!(",{}=\"\"", self.labels.config);
        let own = self.failed_share(by, &totals);
        if self.source == Source::Collector {
            return own; // The collector has counted both.
        }
        let target = self.target();
        let whole = self.rate(&format!("{STANDARD_REQUESTS}{{{target}}}"), by);
        let failed = self.rate(&format!("{STANDARD_REQUESTS}{{{target},{STANDARD_STATUS}=~\"5..\"}}"), by);
        // Where no request failed there is no series of status 5xx, and the share is 0.
        let standard = Self::share(&format!("({failed} or 0 * {whole})"), &whole);
        format!("{own} or {standard}")
    }

    /// Requests per second of everything.
    pub(crate) fn requests_of_all(self, by: &str) -> String {
        let totals = format!(",{}=\"\"", self.labels.config);
        let own = self.rate(&self.whole(Measure::Requests, &totals), by);
        if self.source == Source::Collector {
            return own;
        }
        format!("{own} or {}", self.rate(&format!("{STANDARD_REQUESTS}{{{}}}", self.target()), by))
    }

    /// Scores up to a bound per second, by `by`, over all scores. `le` is a matcher.
    pub(crate) fn scores_up_to(self, le: &str, by: &str) -> String {
        let matchers = format!("{},le{le}", self.chosen());
        let part = self.select(Measure::Scores, "_bucket", &matchers).unwrap_or_default();
        Self::share(&self.rate(&part, by), &self.rate(&self.score_part("_count"), by))
    }

    /// `_bucket`, `_sum` or `_count` of the chosen versions.
    pub(crate) fn score_part(self, suffix: &str) -> String {
        self.select(Measure::Scores, suffix, &self.chosen()).unwrap_or_default()
    }

    /// A quantile of the scores by version.
    pub(crate) fn score_quantile(self, quantile: f64) -> String {
        let by = format!("{},le", self.by_version());
        format!("histogram_quantile({quantile}, {})", self.rate(&self.score_part("_bucket"), &by))
    }

    /// Unix time in seconds at which a version became active: its first load in the fleet, or on any of the processes.
    pub(crate) fn loaded_at(self) -> String {
        let (by, matchers) = (self.by_version(), format!("{{{}{}}}", self.target(), self.chosen()));
        match self.source {
            Source::Collector => {
                format!("min by ({by}) (firstbad_fleet_config_first_load_timestamp_seconds{matchers})")
            }
            Source::Proxy => format!("min by ({by}) (firstbad_config_load_timestamp_seconds{matchers})"),
            // OTLP has the age. It is in whole seconds, so the difference is rounded, or it would change at each report.
            Source::Otlp => {
                let age = format!("firstbad_config_age_seconds{matchers}");
                format!("min by ({by}) (round(timestamp({age}) - {age}, 10))")
            }
        }
    }

    /// `expression` by version, with a label `version` that holds the first 12 digits of the hash in every source.
    pub(crate) fn named(self, expression: &str) -> String {
        let hash = self.labels.hash;
        match self.source {
            Source::Collector | Source::Proxy => expression.to_owned(),
            Source::Otlp => {
                format!("label_replace({expression}, \"version\", \"$1\", \"{hash}\", \"(?:sha256:)?(.{{12}}).*\")")
            }
        }
    }

    /// Legend of a series by version.
    pub(crate) fn legend(self) -> String {
        let version = if self.source == Source::Otlp { "version" } else { self.labels.hash };
        format!("{{{{{}}}}} {{{{{version}}}}}", self.labels.config)
    }
}

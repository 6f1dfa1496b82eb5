//! Prometheus text 0.0.4, written by hand for label sets that come and go: the exporter never forgets one.

use firstbad_protocol::Untrusted;
use firstbad_protocol::names::{Kind, Metric};
use std::fmt::{Display, Write};

#[derive(Debug, Default)]
pub(crate) struct Text(pub(crate) String);

/// The labels of one sample: values in the order of the metric's labels, and those that no metric lists.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Labels<'a> {
    pub(crate) values: &'a [&'a str],
    pub(crate) instance: &'a str,
    pub(crate) le: &'a str,
}

/// One metric's samples.
pub(crate) struct Family<'a> {
    text: &'a mut String,
    metric: &'static str,
    labels: &'static [&'static str],
}

impl Text {
    /// Begins a metric; its samples must follow.
    pub(crate) fn family(&mut self, metric: &'static Metric) -> Family<'_> {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {} {}\n# TYPE {} {kind}", metric.prometheus, metric.help, metric.prometheus);
        Family { text: &mut self.0, metric: metric.prometheus, labels: metric.labels }
    }
}

impl Family<'_> {
    /// A sample with these label values, in the order of the metric's labels. An empty value is no label.
    pub(crate) fn sample(&mut self, values: &[&str], sample: impl Display) {
        self.suffixed("", Labels { values, ..Labels::default() }, sample);
    }

    /// A sample of a histogram's part, or of one instance.
    pub(crate) fn suffixed(&mut self, suffix: &str, labels: Labels<'_>, sample: impl Display) {
        let pairs = self.labels.iter().copied().zip(labels.values.iter().copied());
        let pairs = pairs.chain([("instance", labels.instance), ("le", labels.le)]);
        let mut labels = String::new();
        for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
            let comma = if labels.is_empty() { "" } else { "," };
            let _ = write!(labels, "{comma}{name}=\"{}\"", escaped(value));
        }
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.text, "{}{suffix}{braces} {sample}", self.metric);
    }
}

/// A label's value: text from telemetry, made harmless for people, then quoted for the format.
fn escaped(value: &str) -> String {
    Untrusted(value).to_string().replace('\\', "\\\\").replace('"', "\\\"")
}

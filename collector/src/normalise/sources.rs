//! Which of several metrics tells how many requests an instance had (contract.md section 2, "Counting"): one source per
//! instance and interval, the best that it sends.

use super::known::{Known, Told, known};
use super::metrics::Placed;
use super::senders::{Instance, Sender};
use super::spellings::Spelling;
use super::{Normaliser, number, reports};
use crate::otlp::model::{Data, NumberPoint, ResourceMetrics, Value};
use firstbad_protocol::names::attribute;

/// Notes which sources of requests a resource sends, and how: before its points are read, so that their order is none.
pub(super) fn note(normaliser: &mut Normaliser, resource: &ResourceMetrics<'_>, sender: Option<&Sender>) {
    let Some(sender) = sender else { return };
    let horizon = normaliser.horizon.map_or(i64::MAX, |horizon| horizon.0);
    for metric in resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
        let Some(told) = known(&metric.name).and_then(Known::tells_requests) else { continue };
        let times = reports::all_spans(metric).filter_map(|(_, time)| number::time(time).ok());
        let latest = times.filter(|time| *time <= horizon).max();
        let (Some(latest), Some(instance)) = (latest, normaliser.senders.instance(sender.instance)) else { continue };
        instance.note_told(told, latest);
        if let (Told::Own, Data::Sum { temporality, points, .. }) = (told, &metric.data) {
            let within = |point: &&NumberPoint<'_>| number::time(point.time).is_ok_and(|time| time <= horizon);
            instance.note_requests(points.iter().filter(within).any(|point| !is_tagged(point)), *temporality);
        }
    }
}

fn is_tagged(point: &NumberPoint<'_>) -> bool {
    let spelling = Spelling::of(&point.attributes, &[]);
    let names_version = |key| matches!(spelling.meant(key), attribute::CONFIG_NAME | attribute::CONFIG_HASH);
    // Prometheus writes what is not told as an empty label.
    let is_empty = |value: &Value<'_>| value.as_text() == Some("");
    point.attributes.iter().any(|it| names_version(&it.key) && !is_empty(&it.value))
}

/// Whether a standard source counts as the requests of its instance; if so it is noted as what tells of them.
pub(super) fn counts(instance: Option<&mut Instance>, told: Told, placed: &Placed) -> bool {
    instance.is_some_and(|known| {
        let counts = known.counts_requests(told, placed.place.span.1);
        if counts {
            known.note_requests(true, placed.temporality);
        }
        counts
    })
}

//! Chooses one of several metrics that count the requests of an instance (contract.md section 2, "Counting"): one source
//! per instance and interval, the best that the instance sends.

use super::known::{Known, RequestSource, known};
use super::metrics::Placed;
use super::senders::{Instance, Sender};
use super::{Normaliser, number, reports};
use crate::otlp::model::{Data, NumberPoint, ResourceMetrics, Temporality};
use firstbad_protocol::names::EXPORT_SCOPE;

/// Notes the sources of request counts that a resource sends, and their temporality. It runs before any point is read, so
/// that the order of the points does not matter.
pub(super) fn note(normaliser: &mut Normaliser, resource: &ResourceMetrics<'_>, sender: Option<&Sender>) {
    let Some(sender) = sender else { return };
    let horizon = normaliser.horizon.map_or(i64::MAX, |horizon| horizon.0);
    let scopes = resource.scope_metrics.iter();
    for (scope, metric) in scopes.flat_map(|scope| scope.metrics.iter().map(move |metric| (&scope.scope.name, metric)))
    {
        let Some(source) = known(&metric.name).and_then(Known::request_source) else { continue };
        let times = reports::all_spans(metric).filter_map(|sent| number::time(sent.end).ok());
        let latest = times.filter(|time| *time <= horizon).max();
        let Normaliser { senders, labels, .. } = &mut *normaliser;
        let (Some(latest), Some(instance)) = (latest, senders.instance(sender.instance)) else { continue };
        instance.note_request_source(source, latest);
        if let (RequestSource::Own, Data::Sum { temporality, points, .. }) = (source, &metric.data) {
            let within = |point: &&NumberPoint<'_>| number::time(point.time).is_ok_and(|time| time <= horizon);
            // An export writes counted zeros. A point that is missing in it was missing in the report, and is not zero.
            let temporality = if scope.starts_with(EXPORT_SCOPE) { Temporality::Unspecified } else { *temporality };
            instance.note_requests(
                points.iter().filter(within).any(|point| !labels.is_tagged(point.attributes())),
                temporality,
            );
        }
    }
}

/// Whether a standard metric counts as the requests of its instance. If it does, it is noted as their source.
pub(super) fn counts(instance: Option<&mut Instance>, source: RequestSource, placed: &Placed<'_>) -> bool {
    instance.is_some_and(|known| {
        let counts = known.counts_requests(source, placed.place.span.end);
        if counts {
            known.note_requests(true, placed.temporality);
        }
        counts
    })
}

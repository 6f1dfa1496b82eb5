//! Where in a request a point stands: its resource, its metric, its series.

use crate::normalise::keys::{self, Key};
use crate::normalise::labels::Labels;
use crate::normalise::reports::Reports;
use crate::normalise::rows::Target;
use crate::normalise::senders::Sender;
use crate::normalise::series::Place;
use crate::otlp::model::{Data, Metric, Temporality};
use std::borrow::Cow;
use std::sync::Arc;

/// A resource, and when it reported.
#[derive(Clone, Copy)]
pub(super) struct Reported<'a> {
    pub(super) sender: &'a Sender,
    pub(super) target: &'a Target,
    pub(super) reports: &'a Reports,
}

/// Where in the request a point stands.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) sender: &'a Sender,
    /// Whose points they are, unless one names another.
    pub(super) target: &'a Target,
    /// Identity of resource, scope and metric.
    pub(super) metric: Key,
    pub(super) temporality: Temporality,
    pub(super) reports: &'a Reports,
}

impl<'a> At<'a> {
    pub(super) fn new(Reported { sender, target, reports }: Reported<'a>, scope: &str, metric: &Metric<'_>) -> Self {
        let temporality = match &metric.data {
            Data::Sum { temporality, .. }
            | Data::Histogram { temporality, .. }
            | Data::Exponential { temporality, .. } => *temporality,
            Data::None | Data::Gauge(_) | Data::Summary(_) => Temporality::Unspecified,
        };
        let name = keys::of_bytes(metric.name.as_bytes(), u64::from(scope.is_empty()) + 2);
        let metric = keys::combine(sender.resource, keys::combine(name, keys::of_bytes(scope.as_bytes(), 4)));
        Self { sender, target, metric, temporality, reports }
    }
}

/// A point whose place is known.
pub(in crate::normalise) struct Placed<'s> {
    pub(super) labels: Arc<Labels>,
    pub(in crate::normalise) place: Place,
    /// Mostly that of its resource.
    pub(super) target: Cow<'s, Target>,
    pub(in crate::normalise) temporality: Temporality,
}

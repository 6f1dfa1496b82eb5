//! Which hosts a request names: of each resource, and of each point or record that names one itself, since that wins over the
//! resource's (`identity`). Whether the sender may name them is its credential's matter.

use super::identity::shown;
use super::names::Names;
use super::spellings::is_spelled;
use crate::otlp::model::{Attribute, Data};
use crate::otlp::{Logs, Metrics, Traces};
use firstbad_protocol::names::attribute::HOST_NAME;

/// Hands over the host of each resource (none: it names none), and each host that a point names.
pub(crate) fn of_metrics<E>(
    request: &Metrics<'_>,
    mut check: impl FnMut(Option<&str>) -> Result<(), E>,
) -> Result<(), E> {
    let mut names = Names::default();
    for resource in &request.resource_metrics {
        of_resource(&resource.resource.attributes, &mut names, &mut check)?;
        for metric in resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            match &metric.data {
                Data::Gauge(points) | Data::Sum { points, .. } => {
                    points.iter().try_for_each(|point| own(&point.attributes, &mut names, &mut check))?;
                }
                Data::Histogram { points, .. } => {
                    points.iter().try_for_each(|point| own(&point.attributes, &mut names, &mut check))?;
                }
                Data::Exponential { points, .. } => {
                    points.iter().try_for_each(|point| own(&point.attributes, &mut names, &mut check))?;
                }
                Data::None | Data::Summary(_) => {}
            }
        }
    }
    Ok(())
}

/// Hands over the host of each resource (none: it names none), and each host that a record names.
pub(crate) fn of_logs<E>(request: &Logs<'_>, mut check: impl FnMut(Option<&str>) -> Result<(), E>) -> Result<(), E> {
    let mut names = Names::default();
    for resource in &request.resource_logs {
        of_resource(&resource.resource.attributes, &mut names, &mut check)?;
        for record in resource.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            own(&record.attributes, &mut names, &mut check)?;
        }
    }
    Ok(())
}

/// Hands over the host of each resource (none: it names none), and each host that a span or an event of it names.
pub(crate) fn of_traces<E>(
    request: &Traces<'_>,
    mut check: impl FnMut(Option<&str>) -> Result<(), E>,
) -> Result<(), E> {
    let mut names = Names::default();
    for resource in &request.resource_spans {
        of_resource(&resource.resource.attributes, &mut names, &mut check)?;
        for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
            own(&span.attributes, &mut names, &mut check)?;
            for event in &span.events {
                own(&event.attributes, &mut names, &mut check)?;
            }
        }
    }
    Ok(())
}

fn of_resource<E>(
    attributes: &[Attribute<'_>],
    names: &mut Names,
    check: &mut impl FnMut(Option<&str>) -> Result<(), E>,
) -> Result<(), E> {
    let named = attributes.iter().filter(|attribute| attribute.key == HOST_NAME);
    let is_named = named.into_iter().any(|host| shown(&host.value, names).is_some_and(|host| !host.is_empty()));
    if !is_named {
        check(None)?;
    }
    own(attributes, names, check)
}

/// Each is checked, also where only one of several will count, and in each spelling.
fn own<E>(
    attributes: &[Attribute<'_>],
    names: &mut Names,
    check: &mut impl FnMut(Option<&str>) -> Result<(), E>,
) -> Result<(), E> {
    for attribute in attributes.iter().filter(|attribute| is_spelled(&attribute.key, HOST_NAME)) {
        if let Some(host) = shown(&attribute.value, names).filter(|host| !host.is_empty()) {
            check(Some(&host))?;
        }
    }
    Ok(())
}

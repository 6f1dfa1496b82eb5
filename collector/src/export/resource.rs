//! The resource that stands for a source: read again, it gives the same source, dimensions and kind of host.

use crate::recorder::attributes::text;
use firstbad_diagnosis::observation::{Dimensions, NamedBy, Source};
use firstbad_protocol::limits::INSTANCES_MAX;
use firstbad_protocol::names::attribute;
use firstbad_protocol::time::Timestamp;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::resource::v1::Resource;
use std::collections::HashMap;

/// Attributes that name a process or its host. A resource has them, so an event does not repeat them: its sender's own would
/// make another process of it where several processes have one identity.
pub(super) const IDENTITY: [&str; 7] = [
    attribute::SERVICE_INSTANCE_ID,
    attribute::K8S_POD_UID,
    attribute::K8S_NAMESPACE_NAME,
    attribute::K8S_POD_NAME,
    attribute::CONTAINER_ID,
    attribute::HOST_NAME,
    attribute::PROCESS_PID,
];

/// Returns the resource attributes of a source. Only rows have a `named_by`.
pub(super) fn resource(source: Option<&Source>, dimensions: &Dimensions, named_by: NamedBy) -> Resource {
    let mut attributes: Vec<KeyValue> = dimensions.iter().map(|(key, value)| text(key, value.as_ref())).collect();
    if let Some(Source::Instance { instance, host }) = source {
        attributes.push(text(attribute::SERVICE_INSTANCE_ID, instance.as_ref()));
        match named_by {
            NamedBy::Host | NamedBy::Nothing => attributes.push(text(attribute::HOST_NAME, host.as_ref())),
            NamedBy::Container => attributes.push(text(attribute::CONTAINER_ID, host.as_ref())),
            NamedBy::Instance if instance == host => {}
            // A generated instance id that several pids share. Its host is as short-lived as a pod.
            NamedBy::Instance | NamedBy::Pod => attributes.push(text(attribute::K8S_POD_NAME, host.as_ref())),
        }
    }
    Resource { attributes, ..Resource::default() }
}

/// The series under which each source's rows are written.
#[derive(Debug, Default)]
pub(super) struct Resources {
    /// Latest end of the rows of each series, by source.
    ends: HashMap<Source, Vec<Timestamp>>,
}

impl Resources {
    /// The number of the series for a row of `source` that ends at `end`. Delta points of one series are taken for repeats if
    /// they cover the same times, and are not counted if they come late; so within a series the ends grow. Several senders
    /// of one source, and backlogs, need several series.
    pub(super) fn series(&mut self, source: &Source, end: Timestamp) -> usize {
        if self.ends.len() >= INSTANCES_MAX {
            self.ends.clear();
        }
        let ends = self.ends.entry(source.clone()).or_default();
        let before = ends.iter().enumerate().filter(|(_, last)| **last < end);
        let place = before.max_by_key(|(_, last)| **last).map_or(ends.len(), |(place, _)| place);
        match ends.get_mut(place) {
            Some(last) => *last = end,
            None => ends.push(end),
        }
        place
    }
}

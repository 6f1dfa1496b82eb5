//! The identity of a sender (contract.md section 1): `service.instance.id`, else the pod, else the container, else host and pid, else an
//! aggregate; and what its host is called. A point's own attributes win over the resource's. Which process of an identity
//! it is, where several have one, is decided in `processes`.

use super::keys::{self, Key};
use super::names::Names;
use crate::otlp::model::{Attribute, Value};
use firstbad_diagnosis::observation::{Dimensions, Name, NamedBy, Source};
use firstbad_protocol::names::{DIMENSIONS, attribute};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The parts of an identity that were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Two services of a host may have the same instance id, or none: the metrics of one are no evidence about the other.
    service: Option<Name>,
    instance: Option<Name>,
    pod_uid: Option<Name>,
    namespace: Option<Name>,
    pod: Option<Name>,
    container: Option<Name>,
    host: Option<Name>,
    pid: Option<Name>,
}

/// An identity, resolved to a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Who {
    /// The source. For an identity that is a host with pids, it is the host itself.
    pub(super) source: Source,
    /// Its key within the tables.
    pub(super) key: Key,
    /// The kind of name that its host has.
    pub(super) named_by: NamedBy,
    /// The process id, where it was sent.
    pub(super) pid: Option<Name>,
    /// Whether the pid is a part of the identity, because no instance, pod or container was sent.
    pub(super) by_pid: bool,
}

/// One process of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// The source under which it reports.
    pub(super) source: Source,
    /// Its key within the tables.
    pub(super) key: Key,
}

impl Identity {
    /// Takes an attribute whose key means `key`, if it is a part of the identity.
    pub(super) fn take(&mut self, key: &str, value: &Value<'_>, names: &mut Names) {
        let place = match key {
            attribute::SERVICE_NAME => &mut self.service,
            attribute::SERVICE_INSTANCE_ID => &mut self.instance,
            attribute::K8S_POD_UID => &mut self.pod_uid,
            attribute::K8S_NAMESPACE_NAME => &mut self.namespace,
            attribute::K8S_POD_NAME => &mut self.pod,
            attribute::CONTAINER_ID => &mut self.container,
            attribute::HOST_NAME => &mut self.host,
            attribute::PROCESS_PID => &mut self.pid,
            _ => return,
        };
        if let Some(value) = shown(value, names).filter(|value| !value.is_empty()) {
            *place = Some(value);
        }
    }

    /// The identity in a set of attributes.
    pub(super) fn of(attributes: &[Attribute<'_>], names: &mut Names) -> Self {
        let mut identity = Self::default();
        attributes.iter().for_each(|attribute| identity.take(&attribute.key, &attribute.value, names));
        identity
    }

    /// Whether no part of an identity was sent; a service name alone identifies nobody.
    pub(super) fn is_empty(&self) -> bool {
        let told = [&self.instance, &self.pod_uid, &self.pod, &self.container, &self.host, &self.pid];
        told.into_iter().all(Option::is_none)
    }

    /// Whether a host or an instance was named outright.
    pub(super) fn names_host_or_instance(&self) -> bool {
        self.instance.is_some() || self.host.is_some()
    }

    /// This identity, with the resource's parts where it has none of its own.
    pub(super) fn over(&self, resource: &Self) -> Self {
        let pick = |own: &Option<Name>, other: &Option<Name>| own.clone().or_else(|| other.clone());
        Self {
            service: pick(&self.service, &resource.service),
            instance: pick(&self.instance, &resource.instance),
            pod_uid: pick(&self.pod_uid, &resource.pod_uid),
            namespace: pick(&self.namespace, &resource.namespace),
            pod: pick(&self.pod, &resource.pod),
            container: pick(&self.container, &resource.container),
            host: pick(&self.host, &resource.host),
            pid: pick(&self.pid, &resource.pid),
        }
    }

    /// Resolves the identity; an aggregate is known by its resource.
    pub(super) fn who(&self, resource: Key, names: &mut Names) -> Who {
        let pod = self.pod_name(names);
        let finest = self.instance.clone().or_else(|| self.pod_uid.clone()).or_else(|| pod.clone());
        let finest = finest.or_else(|| self.container.clone());
        let by_pid = finest.is_none();
        let Some(instance) = finest.or_else(|| self.host.clone()) else {
            let (source, key) = (Source::Aggregate, keys::combine(resource, 1));
            return Who { source, key, named_by: NamedBy::Nothing, pid: None, by_pid: false };
        };
        let pod = pod.or_else(|| self.pod_uid.clone());
        let host = self.host.clone().or(pod).or_else(|| self.container.clone());
        let host = host.unwrap_or_else(|| Name::clone(&instance));
        let key = keys::combine(keys::of_bytes(instance.as_bytes(), 0), keys::of_bytes(host.as_bytes(), 1));
        let service = self.service.as_deref().unwrap_or_default();
        let key = keys::combine(key, keys::of_bytes(service.as_bytes(), 2));
        let source = Source::Instance { instance, host };
        Who { source, key, named_by: self.named_by(), pid: self.pid.clone(), by_pid }
    }

    /// The pod's name with its namespace, outside which the name is not unique.
    fn pod_name(&self, names: &mut Names) -> Option<Name> {
        let pod = self.pod.clone()?;
        Some(match &self.namespace {
            Some(namespace) => names.name(&format!("{namespace}/{pod}")),
            None => pod,
        })
    }

    /// The kind of name that the host has. Within a pod or a container, an SDK sends the pod's name, or the beginning of the
    /// container's id, as the name of the host.
    fn named_by(&self) -> NamedBy {
        let is_pod = self.host.is_none() || self.host == self.pod;
        let is_container = |id: &Name| self.host.as_ref().is_none_or(|host| id.starts_with(host.as_ref()));
        match (&self.pod, &self.pod_uid, &self.container) {
            (None, None, Some(id)) if is_container(id) => NamedBy::Container,
            (None, None, _) if self.host.is_some() => NamedBy::Host,
            (None, None, _) => NamedBy::Instance,
            _ if is_pod => NamedBy::Pod,
            _ => NamedBy::Host,
        }
    }
}

impl Who {
    /// Whether several processes may report under it that its pids distinguish.
    pub(super) fn may_be_several(&self) -> bool {
        self.by_pid || self.pid.is_some()
    }

    /// The identity as a whole, for a sender whose process has no name of its own.
    pub(super) fn whole(&self) -> Process {
        Process { source: self.source.clone(), key: self.key }
    }

    /// The process `pid` of this identity.
    pub(super) fn process(&self, pid: &str, names: &mut Names) -> Process {
        let source = match &self.source {
            Source::Instance { instance, host } => {
                Source::Instance { instance: names.name(&format!("{instance}:{pid}")), host: Name::clone(host) }
            }
            Source::Aggregate => Source::Aggregate,
        };
        Process { source, key: keys::combine(self.key, keys::of_bytes(pid.as_bytes(), 3)) }
    }
}

/// Whether `key` is a dimension: a default one or one of `declared`. Instance and host never are.
pub(super) fn is_dimension(key: &str, declared: &[String]) -> bool {
    (DIMENSIONS.contains(&key) || declared.iter().any(|name| name == key))
        && !matches!(key, attribute::SERVICE_INSTANCE_ID | attribute::HOST_NAME)
}

/// The dimensions told by a set of attributes.
pub(super) fn dimensions(attributes: &[Attribute<'_>], declared: &[String], names: &mut Names) -> Dimensions {
    let mut found = BTreeMap::new();
    for attribute in attributes.iter().filter(|attribute| is_dimension(&attribute.key, declared)) {
        if let Some(value) = shown(&attribute.value, names) {
            found.insert(names.name(&attribute.key), value);
        }
    }
    names.dimensions(found)
}

/// A scalar as a name.
pub(super) fn shown(value: &Value<'_>, names: &mut Names) -> Option<Name> {
    match value {
        Value::Text(text) => Some(names.name(text)),
        Value::Int(integer) => Some(names.name(&integer.to_string())),
        Value::Bool(truth) => Some(names.name(&truth.to_string())),
        Value::Double(real) => Some(names.name(&real.to_string())),
        Value::Empty | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
    }
}

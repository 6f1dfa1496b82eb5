//! Who reports (contract.md section 1): `service.instance.id`, else host and pid, else an aggregate. A point's own
//! attributes win over the resource's.

use super::keys::{self, Key};
use super::names::Names;
use crate::otlp::model::{Attribute, Value};
use firstbad_diagnosis::observation::{Dimensions, Name, Source};
use firstbad_protocol::names::{DIMENSIONS, attribute};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was told of an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Two services of a host may have the same instance id, or none: what one sends says nothing of the other.
    service: Option<Name>,
    instance: Option<Name>,
    host: Option<Name>,
    pid: Option<Name>,
}

impl Identity {
    /// Takes an attribute, if it tells of the identity.
    pub(super) fn take(&mut self, attribute: &Attribute<'_>, names: &mut Names) {
        let place = match attribute.key.as_ref() {
            attribute::SERVICE_NAME => &mut self.service,
            attribute::SERVICE_INSTANCE_ID => &mut self.instance,
            attribute::HOST_NAME => &mut self.host,
            attribute::PROCESS_PID => &mut self.pid,
            _ => return,
        };
        if let Some(value) = shown(&attribute.value, names).filter(|value| !value.is_empty()) {
            *place = Some(value);
        }
    }

    /// The identity told by a set of attributes.
    pub(super) fn of(attributes: &[Attribute<'_>], names: &mut Names) -> Self {
        let mut identity = Self::default();
        attributes.iter().for_each(|attribute| identity.take(attribute, names));
        identity
    }

    /// Whether nothing was told of who it is; the service alone is nobody.
    pub(super) fn is_empty(&self) -> bool {
        self.instance.is_none() && self.host.is_none() && self.pid.is_none()
    }

    /// This identity, where it tells something, over the resource's.
    pub(super) fn over(&self, resource: &Self) -> Self {
        let pick = |own: &Option<Name>, other: &Option<Name>| own.clone().or_else(|| other.clone());
        Self {
            service: pick(&self.service, &resource.service),
            instance: pick(&self.instance, &resource.instance),
            host: pick(&self.host, &resource.host),
            pid: pick(&self.pid, &resource.pid),
        }
    }

    /// The source, and its identity within the tables; an aggregate is known by its resource.
    pub(super) fn source(&self, resource: Key, names: &mut Names) -> (Source, Key) {
        let (instance, host) = match (&self.instance, &self.host, &self.pid) {
            (Some(instance), Some(host), _) => (Name::clone(instance), Name::clone(host)),
            (Some(instance), None, _) => (Name::clone(instance), Name::clone(instance)),
            (None, Some(host), Some(pid)) => (names.name(&format!("{host}:{pid}")), Name::clone(host)),
            (None, Some(host), None) => (Name::clone(host), Name::clone(host)),
            (None, None, _) => return (Source::Aggregate, keys::combine(resource, 1)),
        };
        let key = keys::combine(keys::of_bytes(instance.as_bytes(), 0), keys::of_bytes(host.as_bytes(), 1));
        let service = self.service.as_deref().unwrap_or_default();
        let key = keys::combine(key, keys::of_bytes(service.as_bytes(), 2));
        (Source::Instance { instance, host }, key)
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

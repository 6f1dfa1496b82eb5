//! Who reports: instance, host, or aggregate (contract.md section 1), and the dimensions of a resource or point.

use super::Normaliser;
use crate::otlp::model::{Attribute, Resource, Value};
use firstbad_diagnosis::observation::{Dimensions, Name, Source};
use firstbad_protocol::names::attribute;

/// FNV-1a over 128 bits: a key for state, not a protection; a sender can only confuse its own series with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key(pub(super) u128);

impl Key {
    pub(super) const EMPTY: Self = Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);

    pub(super) fn with(self, bytes: &[u8]) -> Self {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        let mixed = bytes.iter().fold(self.0, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
        // A separator, so that ("ab", "c") and ("a", "bc") differ.
        Self((mixed ^ 0xff).wrapping_mul(PRIME))
    }

    /// Attributes in any order give the same key.
    pub(super) fn with_attributes(self, attributes: &[Attribute<'_>]) -> Self {
        let sum = attributes.iter().fold(0_u128, |sum, attribute| {
            sum.wrapping_add(Self::EMPTY.with(attribute.key.as_bytes()).with(value_text(&attribute.value).as_bytes()).0)
        });
        self.with(&sum.to_le_bytes())
    }
}

/// A value as text, for identities, dimensions and keys.
pub(super) fn value_text<'a>(value: &'a Value<'_>) -> std::borrow::Cow<'a, str> {
    match value {
        Value::Text(text) => std::borrow::Cow::Borrowed(text),
        Value::Int(number) => number.to_string().into(),
        Value::Bool(truth) => truth.to_string().into(),
        Value::Double(number) => number.to_string().into(),
        Value::Empty => "".into(),
        Value::Bytes(_) | Value::List(_) | Value::Map(_) => format!("{value:?}").into(),
    }
}

/// The value of `key`.
pub(super) fn find<'a, 'b>(attributes: &'b [Attribute<'a>], key: &str) -> Option<&'b Value<'a>> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

/// The non-empty text of `key`.
pub(super) fn find_text<'b>(attributes: &'b [Attribute<'_>], key: &str) -> Option<std::borrow::Cow<'b, str>> {
    find(attributes, key).map(value_text).filter(|text| !text.is_empty())
}

/// One resource.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) key: Key,
    pub(super) source: Source,
    pub(super) dimensions: Dimensions,
    /// Whether the resource names a host or instance itself: a change event of it reached that one only.
    pub(super) is_somebody: bool,
}

impl Normaliser {
    /// Who `resource` is.
    pub(super) fn who(&mut self, resource: &Resource<'_>) -> Who {
        let attributes = &resource.attributes;
        let host = find_text(attributes, attribute::HOST_NAME);
        let pid = find_text(attributes, attribute::PROCESS_PID);
        let told = find_text(attributes, attribute::SERVICE_INSTANCE_ID);
        let instance = match (&told, &host, &pid) {
            (Some(instance), ..) => Some(instance.to_string()),
            (None, Some(host), Some(pid)) => Some(format!("{host}:{pid}")),
            (None, Some(host), None) => Some(host.to_string()),
            (None, None, _) => None,
        };
        let service = find_text(attributes, attribute::SERVICE_NAME).unwrap_or_default();
        let key = Key::EMPTY.with(service.as_bytes());
        let (key, source) = match &instance {
            Some(instance) => {
                let host = host.as_deref().unwrap_or(instance);
                let key = key.with(instance.as_bytes()).with(host.as_bytes());
                (key, Source::Instance { instance: self.names.name(instance), host: self.names.name(host) })
            }
            None => (key.with_attributes(attributes), Source::Aggregate),
        };
        let is_somebody = instance.is_some();
        Who { key, source, dimensions: self.dimensions_of(attributes), is_somebody }
    }

    /// The dimensions among `attributes`.
    pub(super) fn dimensions_of(&mut self, attributes: &[Attribute<'_>]) -> Dimensions {
        let mut pairs: Vec<(Name, Name)> = Vec::new();
        for attribute in attributes {
            if self.is_dimension(&attribute.key) {
                let value = value_text(&attribute.value);
                pairs.push((self.names.name(&attribute.key), self.names.name(&value)));
            }
        }
        pairs.sort();
        self.names.dimensions(pairs)
    }
}

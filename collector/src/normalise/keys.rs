//! Identities as 128-bit hashes that do not depend on the order of attributes. They are stored in checkpoints, so the
//! hash function is one that never changes (XXH3).

use crate::otlp::model::{Attribute, LogRecord, Value};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128_with_seed};

/// Identity of a resource, a label set, a series, an instance.
pub(super) type Key = u128;

/// The identity of a set of attributes.
pub(super) fn of_attributes(attributes: &[Attribute<'_>]) -> Key {
    attributes.iter().fold(0, |sum: Key, attribute| sum.wrapping_add(of_attribute(attribute)))
}

fn of_attribute(attribute: &Attribute<'_>) -> Key {
    of_value(&attribute.value, xxh3_64(attribute.key.as_bytes()))
}

fn of_value(value: &Value<'_>, seed: u64) -> Key {
    match value {
        Value::Empty => of_bytes(b"", seed ^ 1),
        Value::Text(text) => of_bytes(text.as_bytes(), seed),
        Value::Bool(truth) => of_bytes(&[u8::from(*truth)], seed ^ 2),
        Value::Int(integer) => of_bytes(&integer.to_le_bytes(), seed ^ 3),
        Value::Double(real) => of_bytes(&real.to_bits().to_le_bytes(), seed ^ 4),
        Value::Bytes(bytes) => of_bytes(bytes, seed ^ 5),
        Value::List(values) => {
            values.iter().fold(of_bytes(b"", seed ^ 6), |key, value| combine(key, of_value(value, seed ^ 6)))
        }
        Value::Map(attributes) => combine(of_bytes(b"", seed ^ 7), of_attributes(attributes)),
    }
}

/// The identity of what a record says, apart from when.
pub(super) fn of_record(record: &LogRecord<'_>) -> Key {
    let body = Attribute { key: "".into(), value: record.body.clone() };
    let said = combine(of_attributes(&record.attributes), of_attributes(&[body]));
    combine(said, of_bytes(record.event_name.as_bytes(), 0))
}

/// The identity of bytes, apart from the same bytes in another role.
pub(super) fn of_bytes(bytes: &[u8], role: u64) -> Key {
    xxh3_128_with_seed(bytes, role)
}

/// The identity of a pair.
pub(super) fn combine(left: Key, right: Key) -> Key {
    let mut bytes = [0; 32];
    let (head, tail) = bytes.split_at_mut(16);
    head.copy_from_slice(&left.to_le_bytes());
    tail.copy_from_slice(&right.to_le_bytes());
    xxh3_128_with_seed(&bytes, 8)
}

/// Half of an identity, for tables within one request.
pub(super) fn short(bytes: &[u8], seed: u64) -> u64 {
    xxh3_64_with_seed(bytes, seed)
}

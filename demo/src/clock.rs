//! The one place where the stage reads the wall clock.

use firstbad_protocol::time::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, by the wall clock.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}

//! When one unit began to fail, and how surely. Whether that is an incident is decided in `detect`.

pub(crate) mod baseline;
pub(crate) mod death;
pub(crate) mod drift;
pub(crate) mod graded;
pub(crate) mod restarts;
pub(crate) mod sample;
pub(crate) mod watch;

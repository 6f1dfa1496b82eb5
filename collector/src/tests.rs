//! The collector as a whole, over its real sockets and files. Faults that cannot be caused from outside are caused here,
//! each with a control that shows the test would notice.

mod alerting;
mod bundles;
mod calls;
mod faults;
mod fleet;
mod ingest;
mod kill;
mod outage;
mod page;
mod paging;
mod prometheus;
mod publish;
mod readiness;
mod reloading;
mod remote_write;
mod restart;
mod retention;
mod secrets;
mod security;
mod shapes;
mod shipping;
mod support;
mod words;

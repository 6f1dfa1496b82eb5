//! Where code failed and which processes died: lists with a bound, beside the verdicts. They say what was reported, and accuse
//! nothing.

use crate::Hash;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One place in the code at which panics or other exceptions were reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteView {
    /// `file:line:column`; null where events name none. Untrusted text.
    pub site: Option<String>,
    /// Text of the earliest event; empty where only counts were reported. Untrusted text.
    pub message: String,
    /// Time of the earliest event; null where only counts were reported.
    pub first_seen: Option<Timestamp>,
    /// Panics counted, or events where there are more of them.
    pub count: u64,
    /// Hosts that sent an event, at most [`crate::limits::SITE_HOSTS_MAX`].
    pub hosts: u64,
}

/// Deaths of processes of one host in a row: by a signal, an abort, a panic, or an exit status that is no success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeathView {
    /// The host. Untrusted text.
    pub host: String,
    /// When the first of them ended.
    pub first: Timestamp,
    /// When the last of them ended.
    pub last: Timestamp,
    /// Deaths reported in that time.
    pub deaths: u64,
    /// Version that the process was loading; null if none is known.
    pub loading: Option<Hash>,
    /// Whether the host has not reported well since.
    pub goes_on: bool,
}

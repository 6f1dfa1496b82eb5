//! Who calls, and for which hosts it may speak. Both come from the credential, never from what the request says of itself.

use super::credentials::Role;
use std::sync::Arc;

/// An authenticated caller; or anybody, where the collector has no credentials file.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) name: Arc<str>,
    pub(super) roles: Arc<[Role]>,
    /// None: for every host.
    speaks_for: Option<SpeaksFor>,
}

/// The hosts of a credential of kind `host` or `agent`.
#[derive(Clone, Debug)]
pub(super) struct SpeaksFor {
    /// Names; one that begins or ends with `*` stands for all that end or begin so.
    pub(super) hosts: Arc<[String]>,
}

/// A claim to be a host that the credential does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostClaim {
    /// Another host.
    #[error("the credential `{caller}` may not speak for the host `{host}`")]
    Other { caller: String, host: String },
    /// No host: the sender could then choose its identity by other attributes.
    #[error("a resource has no host.name, which a request under the credential `{caller}` needs")]
    Missing { caller: String },
}

impl Caller {
    /// Whoever calls a collector without credentials file.
    pub(crate) fn anybody() -> Self {
        Self { name: "anybody".into(), roles: Role::ALL.into(), speaks_for: None }
    }

    /// Whoever asks without a credential for what needs none.
    pub(super) fn nobody() -> Self {
        Self { name: "nobody".into(), roles: [].into(), speaks_for: None }
    }

    /// A screen in the process of the collector.
    pub(super) fn this_process() -> Self {
        Self { name: "this process".into(), roles: [Role::Read].into(), speaks_for: None }
    }

    pub(super) fn new(name: &str, roles: &Arc<[Role]>, speaks_for: Option<SpeaksFor>) -> Self {
        Self { name: name.into(), roles: Arc::clone(roles), speaks_for }
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether hosts in its requests are to be compared with its credential.
    pub(crate) const fn is_bound(&self) -> bool {
        self.speaks_for.is_some()
    }

    /// # Errors
    /// If it may not speak for `host`, or names none and needs one.
    pub(crate) fn check_host(&self, host: Option<&str>) -> Result<(), HostClaim> {
        let Some(speaks_for) = &self.speaks_for else { return Ok(()) };
        let caller = || self.name.to_string();
        match host.filter(|host| !host.is_empty()) {
            None => Err(HostClaim::Missing { caller: caller() }),
            Some(host) if speaks_for.hosts.iter().any(|pattern| fits(pattern, host)) => Ok(()),
            Some(host) => Err(HostClaim::Other { caller: caller(), host: firstbad_protocol::Untrusted(host).cut(80) }),
        }
    }
}

/// Whether `name` is `pattern`, or what its `*` at one end stands for.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    if let Some(end) = pattern.strip_prefix('*') {
        return name.len() > end.len() && name.ends_with(end);
    }
    pattern.strip_suffix('*').map_or(pattern == name, |begin| name.len() > begin.len() && name.starts_with(begin))
}

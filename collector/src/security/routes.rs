//! The one list of which role opens which path. A path that is not on it needs a credential, whatever its roles are.

use super::Role;

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing: it says whether the process runs and does its work, and no more.
    Nothing,
    /// Any credential.
    Credential,
    /// A credential with this role.
    Role(Role),
}

/// What is asked by those who start and watch processes, which have no credential.
const OPEN: [&str; 4] = ["/health", "/ready", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"];
/// The page for a browser. As a prefix it would be every path's.
const PAGE: &str = "/";
/// Paths that begin so need that role; the first that fits counts.
const PREFIXES: [(&str, Role); 8] = [
    ("/api/v1/admin/", Role::Admin),
    ("/api/v1/changes", Role::Publisher),
    ("/api/v1/configs/", Role::Publisher),
    // Prometheus remote write: the path that Prometheus sends to by convention.
    ("/api/v1/write", Role::Ingest),
    ("/api/v1/", Role::Read),
    ("/metrics", Role::Read),
    ("/v1/", Role::Ingest),
    ("/opentelemetry.proto.collector.", Role::Ingest),
];

/// Returns what a request for `path` needs. Paths are compared as they were sent, as the router does.
pub(super) fn needs(path: &str) -> Needs {
    if OPEN.contains(&path) {
        return Needs::Nothing;
    }
    if path == PAGE {
        return Needs::Role(Role::Read);
    }
    let found = PREFIXES.into_iter().find(|(prefix, _)| path.starts_with(prefix));
    found.map_or(Needs::Credential, |(_, role)| Needs::Role(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_health_and_readiness_are_open_and_what_is_unknown_is_not() {
        for path in OPEN {
            assert_eq!(needs(path), Needs::Nothing);
        }
        for path in [
            "//",
            "",
            "/health/",
            "/healthz",
            "//health",
            "/%68ealth",
            "/ready/",
            "/grpc.health.v1.Health/",
            "/v2/logs",
        ] {
            assert_eq!(needs(path), Needs::Credential, "{path}");
        }
        assert_eq!(needs("/"), Needs::Role(Role::Read));
        assert_eq!(needs("/api/v1/admin/credentials"), Needs::Role(Role::Admin));
        assert_eq!(needs("/api/v1/snapshot"), Needs::Role(Role::Read));
        assert_eq!(needs("/v1/logs"), Needs::Role(Role::Ingest));
        assert_eq!(needs("/api/v1/changes"), Needs::Role(Role::Publisher));
        assert_eq!(needs("/api/v1/write"), Needs::Role(Role::Ingest));
    }
}

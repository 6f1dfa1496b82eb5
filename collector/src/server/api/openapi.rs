//! The description of the query API for programs, OpenAPI 3.1, at `/api/v1/openapi.json`. It is made from the one list here, which a
//! test holds against the routes that are served.

use super::{Api, json_answer};
use crate::security::Role;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value, json};

/// One method of one path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    /// With its variables in braces.
    pub(crate) path: &'static str,
    /// None: it needs no credential.
    pub(crate) role: Option<Role>,
    summary: &'static str,
    /// Media type of the answer.
    answers: &'static str,
    /// Media type of the request's body, if it has one.
    takes: Option<&'static str>,
}

const JSON: &str = "application/json";

const fn read(path: &'static str, summary: &'static str) -> Operation {
    Operation { method: "get", path, role: Some(Role::Read), summary, answers: JSON, takes: None }
}

const fn change(method: &'static str, path: &'static str, role: Role, summary: &'static str) -> Operation {
    Operation { method, path, role: Some(role), summary, answers: JSON, takes: Some(JSON) }
}

/// Everything that is served.
pub(crate) const OPERATIONS: [Operation; 23] = [
    Operation { role: None, answers: "text/plain", ..read("/health", "Whether the collector answers: `ok`.") },
    Operation {
        role: None,
        answers: "text/plain",
        ..read("/ready", "Whether the collector does its work: 200, or 503 with a word for each reason.")
    },
    Operation { answers: "text/html", ..read("/", "The page for a browser, where the collector has one.") },
    Operation {
        answers: "text/plain",
        ..read("/metrics", "Metrics in Prometheus form: the fleet's, and the collector's own.")
    },
    read("/api/v1/openapi.json", "This description."),
    read("/api/v1/snapshot", "Everything that the screen shows, as it is now."),
    Operation {
        answers: "text/event-stream",
        ..read("/api/v1/stream", "Whole snapshots as server-sent events, one whenever it changes.")
    },
    read("/api/v1/diagnosis", "The verdict as it is now, schema 1."),
    read("/api/v1/status", "The collector's own state: what it receives, refuses and stores."),
    Operation {
        answers: "application/x-ndjson",
        ..read("/api/v1/export", "Everything stored and not yet deleted: `format=capture|ndjson`, `from`, `to`.")
    },
    read("/api/v1/incidents", "Incidents, newest first."),
    read("/api/v1/incidents/{id}", "One incident, as it was said last."),
    read("/api/v1/incidents/{id}/diagnosis", "The whole verdict in which the incident stood last."),
    Operation {
        answers: "application/zstd",
        ..read("/api/v1/incidents/{id}/bundle", "A bundle, which `firstbad diagnose` reads with the same verdict.")
    },
    Operation {
        answers: "application/octet-stream",
        ..read("/api/v1/contents/{hash}", "The content of a version, its secrets hidden.")
    },
    read("/api/v1/words", "What engineers said, oldest first."),
    Operation {
        role: Some(Role::Admin),
        ..read("/api/v1/admin/credentials", "Credentials in force, without their hashes.")
    },
    change("post", "/api/v1/admin/incidents/{id}/{kind}", Role::Admin, "`ack` or `dispute` of an incident."),
    change("delete", "/api/v1/admin/incidents/{id}/{kind}", Role::Admin, "Takes `ack` or `dispute` back."),
    change("post", "/api/v1/admin/quiet", Role::Admin, "Holds pages until a time."),
    change("delete", "/api/v1/admin/quiet/{id}", Role::Admin, "Ends a quiet time."),
    change("post", "/api/v1/changes", Role::Publisher, "Reports a change, or a list of them."),
    Operation {
        takes: Some("application/octet-stream"),
        ..change(
            "put",
            "/api/v1/configs/{hash}",
            Role::Publisher,
            "Declares a version (`config`, `format`) with its content.",
        )
    },
];

pub(super) async fn document(State(_): State<Api>) -> Response {
    json_answer(described().to_string())
}

/// The document.
fn described() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in &OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(operation.method.to_owned(), operation.described());
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "firstbad collector", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "Apache-2.0 OR MIT"}},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "certificate": {"type": "mutualTLS"},
            },
            "schemas": {"Fault": {
                "type": "object", "required": ["error"], "properties": {"error": {"type": "string"}},
            }},
        },
    })
}

impl Operation {
    fn described(&self) -> Value {
        let fault = |says: &str| json!({"description": says, "content": {JSON: {"schema": {"$ref": "#/components/schemas/Fault"}}}});
        let mut answers = Map::from_iter([
            ("2XX".to_owned(), json!({"description": "As the summary says.", "content": {self.answers: {}}})),
            ("4XX".to_owned(), fault("The request cannot be answered; the same one will not be.")),
            ("503".to_owned(), fault("Not now; Retry-After says when.")),
        ]);
        if self.role.is_some() {
            answers.insert("401".to_owned(), fault("No credential that is known."));
            answers.insert("403".to_owned(), fault("The credential does not have the role."));
        }
        let variables = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters: Vec<Value> = variables
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
            .chain(self.query().iter().map(|query| {
                json!({"name": query.name, "in": "query", "required": query.required, "schema": {"type": "string"}})
            }))
            .collect();
        let security = if self.role.is_some() { json!([{"token": []}, {"certificate": []}]) } else { json!([]) };
        let mut described = Map::from_iter([
            ("operationId".to_owned(), json!(self.id())),
            ("summary".to_owned(), json!(self.summary)),
            ("parameters".to_owned(), json!(parameters)),
            ("responses".to_owned(), json!(answers)),
            ("security".to_owned(), security),
        ]);
        if let Some(role) = self.role {
            described.insert("x-firstbad-role".to_owned(), json!(role.as_str()));
        }
        if let Some(takes) = self.takes {
            described.insert("requestBody".to_owned(), json!({"required": true, "content": {takes: {}}}));
        }
        Value::Object(described)
    }

    fn id(&self) -> String {
        let words = self.path.split(|byte: char| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words
            .filter(|word| !matches!(*word, "api" | "v1"))
            .fold(self.method.to_owned(), |id, word| format!("{id}_{word}"))
    }

    fn query(&self) -> &'static [Parameter] {
        const EXPORT: [Parameter; 3] = [optional("format"), optional("from"), optional("to")];
        const CONFIG: [Parameter; 2] = [Parameter { name: "config", required: true }, optional("format")];
        match self.path {
            "/api/v1/export" => &EXPORT,
            "/api/v1/configs/{hash}" => &CONFIG,
            _ => &[],
        }
    }
}

/// A parameter of a query.
struct Parameter {
    name: &'static str,
    required: bool,
}

const fn optional(name: &'static str) -> Parameter {
    Parameter { name, required: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_path_that_is_served_is_described_and_no_other() {
        let served: BTreeSet<&str> = super::super::routes().into_iter().map(|(path, _)| path).collect();
        let described: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.path).collect();
        assert_eq!(served, described);
        let ids: BTreeSet<String> = OPERATIONS.iter().map(Operation::id).collect();
        assert_eq!(ids.len(), OPERATIONS.len(), "{ids:?}");
    }
}

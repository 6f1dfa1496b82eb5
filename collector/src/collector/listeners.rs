//! The listeners of a collector: bound first, answering at once, and open to requests when everything behind them runs.

use super::Addresses;
use crate::StartError;
use crate::admission::Admission;
use crate::security::{Form, Guard, ServerTls};
use crate::server::api::{Api, questions};
use crate::server::gate::Gate;
use crate::server::{Place, Service, bind, grpc, ingest, remote_write, serve};
use crate::settings::Settings;
use std::net::TcpListener;
use tokio::sync::watch;

/// Listeners that are bound and not served yet.
pub(super) struct Bound {
    otlp_http: Vec<TcpListener>,
    otlp_grpc: Vec<TcpListener>,
    api: Vec<TcpListener>,
}

/// What stands before every listener.
pub(super) struct Front<'a> {
    pub(super) guard: &'a Guard,
    pub(super) tls: Option<ServerTls>,
    pub(super) stop: &'a watch::Receiver<bool>,
}

/// The gates of the listeners.
pub(super) struct Gates {
    otlp_http: Gate,
    otlp_grpc: Gate,
    api: Gate,
}

impl Bound {
    pub(super) fn bind(settings: &Settings) -> Result<Self, StartError> {
        let may_be_wide = settings.insecure || settings.security.is_complete();
        let bind_if = |listen: &Option<_>, flag| {
            listen.as_ref().map_or_else(|| Ok(Vec::new()), |listen| bind(Place { listen, flag, may_be_wide }))
        };
        Ok(Self {
            otlp_http: bind_if(&settings.otlp_http, "--otlp-http")?,
            otlp_grpc: bind_if(&settings.otlp_grpc, "--otlp-grpc")?,
            api: bind(Place { listen: &settings.api, flag: "--api", may_be_wide })?,
        })
    }

    pub(super) fn addresses(&self) -> Addresses {
        let of = |listeners: &[TcpListener]| listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
        Addresses { otlp_http: of(&self.otlp_http), otlp_grpc: of(&self.otlp_grpc), api: of(&self.api) }
    }

    /// Serves closed gates.
    pub(super) fn serve(self, runtime: &tokio::runtime::Runtime, front: &Front<'_>) -> Gates {
        let serve = |listeners: Vec<TcpListener>, form| {
            let gate = Gate::new(form);
            let service = Service { router: front.guard.before(gate.router(), form), tls: front.tls.clone() };
            for listener in listeners {
                runtime.spawn(serve(listener, service.clone(), front.stop.clone()));
            }
            gate
        };
        Gates {
            otlp_http: serve(self.otlp_http, Form::OtlpHttp),
            otlp_grpc: serve(self.otlp_grpc, Form::Grpc),
            api: serve(self.api, Form::Api),
        }
    }
}

impl Gates {
    /// Lets requests through.
    pub(super) fn open(&self, admission: &Admission, api: Api) {
        let remote_write = remote_write::router(admission.clone(), api.publisher.clone());
        self.otlp_http.open(ingest::router(admission.clone()).merge(questions(api.clone())).merge(remote_write));
        let health = grpc::health::router(api.readiness());
        self.otlp_grpc.open(grpc::router(admission.clone()).merge(health));
        self.api.open(api.router());
    }
}

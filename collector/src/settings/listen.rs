//! Where a listener listens. Loopback unless told; whether a wider bind is allowed is decided at start.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Addresses of one listener. Both loopbacks are taken by their numbers, never by the name `localhost`, whose meaning
/// another could change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    required: SocketAddr,
    also: Option<SocketAddr>,
}

impl Listen {
    /// 127.0.0.1, and `[::1]` where the machine has it. Port 0 is a free port, the same on both.
    #[must_use]
    pub const fn loopback(port: u16) -> Self {
        Self {
            required: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            also: Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)),
        }
    }

    /// Exactly this address.
    #[must_use]
    pub const fn at(address: SocketAddr) -> Self {
        Self { required: address, also: None }
    }

    /// The address that must be had.
    #[must_use]
    pub const fn required(&self) -> SocketAddr {
        self.required
    }

    /// The address that is taken too where the machine has it.
    #[must_use]
    pub const fn also(&self) -> Option<SocketAddr> {
        self.also
    }

    /// Whether only this machine can connect.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.required.ip().is_loopback()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.required)
    }
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an address to listen on: give a port (4318), or an address and port (127.0.0.1:4318, [::1]:4318)"
)]
pub struct NotAnAddress(String);

impl FromStr for Listen {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let port = text.strip_prefix("localhost").unwrap_or(text);
        let port = port.strip_prefix(':').unwrap_or(port);
        if let Ok(port) = port.parse() {
            return Ok(Self::loopback(port));
        }
        text.parse().map(Self::at).map_err(|_| NotAnAddress(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_port_is_both_loopbacks_and_an_address_is_itself() {
        assert_eq!("4318".parse(), Ok(Listen::loopback(4318)));
        assert_eq!("localhost:0".parse(), Ok(Listen::loopback(0)));
        assert_eq!(":4319".parse(), Ok(Listen::loopback(4319)));
        let wide: Listen = "0.0.0.0:4318".parse().unwrap();
        assert!(!wide.is_loopback() && wide.also().is_none());
        assert!("127.0.0.1:1".parse::<Listen>().unwrap().is_loopback());
        assert!("[::1]:1".parse::<Listen>().unwrap().is_loopback());
        for wrong in ["", "host:4318", "127.0.0.1", "70000", "http://127.0.0.1:1"] {
            assert!(wrong.parse::<Listen>().unwrap_err().to_string().contains(wrong), "{wrong}");
        }
    }
}

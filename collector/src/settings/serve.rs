//! Flags of listeners: certificate, key, client CA and credentials. Half a set is an error: a setting that guards nothing
//! looks like one that does.

use super::FileError;
use crate::security::{ServeSecurity, TlsFiles};
use std::path::PathBuf;

/// Flags that guard listeners.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServeArgs {
    /// Serve TLS with this certificate chain (PEM); it needs --tls-key. Files are read again when they change
    #[arg(long, value_name = "FILE", env = "FIRSTBAD_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of --tls-cert (PEM, mode 0600)
    #[arg(long, value_name = "FILE", env = "FIRSTBAD_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// Take client certificates that an authority of this PEM file issued; --credentials says what each may do
    #[arg(long, value_name = "FILE", env = "FIRSTBAD_TLS_CLIENT_CA")]
    pub tls_client_ca: Option<PathBuf>,
    /// Require a bearer token or client certificate that this file (TOML, mode 0600) gives a role; see docs/security.md
    #[arg(long, value_name = "FILE", env = "FIRSTBAD_CREDENTIALS")]
    pub credentials: Option<PathBuf>,
}

impl ServeArgs {
    /// Returns these flags, and the value in `other` for each flag that was not given.
    pub(super) fn or(&self, other: Self) -> Self {
        Self {
            tls_cert: self.tls_cert.clone().or(other.tls_cert),
            tls_key: self.tls_key.clone().or(other.tls_key),
            tls_client_ca: self.tls_client_ca.clone().or(other.tls_client_ca),
            credentials: self.credentials.clone().or(other.credentials),
        }
    }

    pub(super) fn settings(self) -> Result<ServeSecurity, FileError> {
        let refuse = |setting, reason: &str| Err(FileError::Value { setting, reason: reason.to_owned() });
        let tls = match (self.tls_cert, self.tls_key, self.tls_client_ca) {
            (Some(certificate), Some(key), client_ca) => Some(TlsFiles { certificate, key, client_ca }),
            (None, None, None) => None,
            (None, None, Some(_)) => {
                return refuse("--tls-client-ca", "there is no TLS without --tls-cert and --tls-key");
            }
            _ => return refuse("--tls-cert", "certificate and key go together: give --tls-cert and --tls-key"),
        };
        if tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()) && self.credentials.is_none() {
            return refuse("--tls-client-ca", "--credentials is missing, which says what each certificate may do");
        }
        Ok(ServeSecurity { tls, credentials: self.credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_set_is_refused() {
        let some = || Some(PathBuf::from("f"));
        let settings = |tls_cert, tls_key, tls_client_ca, credentials| {
            ServeArgs { tls_cert, tls_key, tls_client_ca, credentials }.settings()
        };
        assert_eq!(settings(None, None, None, None).unwrap(), ServeSecurity::default());
        assert!(settings(some(), some(), None, None).unwrap().tls.is_some());
        assert!(settings(some(), some(), some(), some()).unwrap().is_complete());
        assert!(!settings(some(), some(), None, None).unwrap().is_complete());
        assert!(!settings(None, None, None, some()).unwrap().is_complete());
        assert!(settings(some(), None, None, None).is_err());
        assert!(settings(None, some(), None, some()).is_err());
        assert!(settings(None, None, some(), some()).is_err());
        assert!(settings(some(), some(), some(), None).unwrap_err().to_string().contains("--credentials"));
    }
}

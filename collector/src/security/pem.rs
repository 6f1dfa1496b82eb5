//! Reading certificates, keys and files with secrets. Sizes are bounded, and a file with secrets is refused if others than
//! its owner may read it.

use super::SecurityError;
use firstbad_protocol::limits::SECURITY_FILE_BYTES_MAX;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Permission bits of group and others.
const OTHERS: u32 = 0o077;
/// The same without the group's right to read.
const OTHERS_BUT_READING_GROUP: u32 = 0o037;

/// Returns the bytes of a file that anybody may read.
pub(super) fn public(path: &Path) -> Result<Vec<u8>, SecurityError> {
    read(path, |_| 0)
}

/// Returns the bytes of a file with secrets.
pub(super) fn private(path: &Path) -> Result<Vec<u8>, SecurityError> {
    let own = rustix::process::geteuid().as_raw();
    read(path, |owner| forbidden(owner, own))
}

/// Returns the bits that a file with secrets must not have. One that belongs to root reaches a service of another user through
/// its group, as secrets do that Kubernetes mounts.
const fn forbidden(owner: u32, own: u32) -> u32 {
    if owner == 0 && own != 0 { OTHERS_BUT_READING_GROUP } else { OTHERS }
}

fn read(path: &Path, forbidden: impl Fn(u32) -> u32) -> Result<Vec<u8>, SecurityError> {
    let refuse = |source| SecurityError::Read { path: path.into(), source };
    let file = File::open(path).map_err(refuse)?;
    // The mode of the open file: another file may have this name by now.
    let metadata = file.metadata().map_err(refuse)?;
    let mode = metadata.mode() & 0o777;
    if mode & forbidden(metadata.uid()) != 0 {
        return Err(SecurityError::Mode { path: path.into(), mode });
    }
    let mut bytes = Vec::new();
    file.take(SECURITY_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(refuse)?;
    if bytes.len() > SECURITY_FILE_BYTES_MAX {
        return Err(content(path, format!("it is larger than {SECURITY_FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Returns the certificates of a PEM file, at least one, in their order.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SecurityError> {
    let bytes = public(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| content(path, format!("not a PEM file of certificates: {error}")))?;
    if found.is_empty() {
        return Err(content(path, "there is no certificate in it".to_owned()));
    }
    Ok(found)
}

/// Returns the private key of a PEM file: PKCS #8, PKCS #1 or SEC 1.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, SecurityError> {
    let bytes = private(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| content(path, format!("no private key: {error}")))
}

/// Returns the certificate authorities of a PEM file.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, SecurityError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| content(path, format!("a certificate cannot be used: {error}")))?;
    }
    Ok(roots)
}

pub(super) fn content(path: &Path, reason: String) -> SecurityError {
    SecurityError::Content { path: path.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_reads_only_what_root_gave_to_a_service() {
        for (owner, own, mode, refused) in [
            (0, 1000, 0o440, false),
            (0, 1000, 0o640, false),
            (0, 1000, 0o460, true),
            (0, 1000, 0o444, true),
            (0, 0, 0o440, true),
            (1000, 1000, 0o440, true),
            (1000, 1000, 0o400, false),
        ] {
            assert_eq!(mode & forbidden(owner, own) != 0, refused, "{owner} {own} {mode:o}");
        }
    }
}

//! Bearer tokens: `fb.NAME.SECRET`, where SECRET is 32 random bytes as hex digits. The name is not secret: whoever finds a
//! token in a log knows which entry to revoke. Only the SHA-256 of the whole text is kept.

use super::SecurityError;
use rustls::crypto::ring::default_provider;
use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of a secret. A hash of so many random bytes needs neither salt nor stretching.
const SECRET_BYTES: usize = 32;
const PREFIX: &str = "fb.";
/// Maximum length of a name, bytes: the same as of a host name (RFC 1035).
const NAME_BYTES_MAX: usize = 253;

/// A new token. `Debug` and `Display` do not exist, so that none gets into a log.
pub struct Token {
    text: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// Makes a token with this name.
    ///
    /// # Errors
    /// If it is no name (letters, digits, `-`, `_`, `.`), or the machine gives no random bytes.
    pub fn generate(name: &str) -> Result<Self, SecurityError> {
        if !is_name(name) {
            return Err(SecurityError::Setting(format!(
                "`{name}` is not a name: use up to {NAME_BYTES_MAX} letters, digits, `-`, `_` and `.`"
            )));
        }
        let mut secret = [0_u8; SECRET_BYTES];
        let filled = default_provider().secure_random.fill(&mut secret);
        filled.map_err(|_| SecurityError::Setting("the machine gives no random bytes".to_owned()))?;
        Ok(Self { text: format!("{PREFIX}{name}.{}", hex(&secret)) })
    }

    /// The text that a caller sends.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The SHA-256 of the text as 64 hex digits: what the credentials file holds.
    #[must_use]
    pub fn sha256(&self) -> String {
        hex(&hash(&self.text))
    }
}

/// Whether `name` may be that of a token.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(plain)
}

/// Returns the name in a token, if it has a token's form.
pub(super) fn name_of(token: &str) -> Option<&str> {
    let (name, secret) = token.strip_prefix(PREFIX)?.rsplit_once('.')?;
    let whole = secret.len() == 2 * SECRET_BYTES && secret.bytes().all(|digit| digit.is_ascii_hexdigit());
    (whole && is_name(name)).then_some(name)
}

/// Returns the SHA-256 of a token.
pub(super) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Returns lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_new_each_time_and_tells_its_name_alone() {
        let (one, other) = (Token::generate("edge-1.example").unwrap(), Token::generate("edge-1.example").unwrap());
        assert_ne!(one.text(), other.text());
        assert_eq!(name_of(one.text()), Some("edge-1.example"));
        assert!(!format!("{one:?}").contains(one.text()));
        assert_eq!(one.sha256(), hex(&hash(one.text())));
        assert_ne!(one.sha256(), other.sha256());
        for wrong in ["", "a b", "a\"b", "é", &"x".repeat(300)] {
            assert!(Token::generate(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "fb.", "fb.a.1234", "xx.a.00", one.text().strip_suffix(|_| true).unwrap()] {
            assert_eq!(name_of(wrong), None, "{wrong}");
        }
    }
}

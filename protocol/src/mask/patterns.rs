//! Secrets that are known by their own form, whatever name they stand under: tokens with a known beginning, bodies of PEM
//! blocks, credentials in URLs. It allocates nothing.

use super::rules::Rules;
use super::text::{blanks, find, is_blank, starts};
use std::ops::Range;

/// A token with a known beginning.
struct Token {
    begins: &'static [u8],
    /// Least bytes of the whole token.
    bytes_min: usize,
}

const fn token(begins: &'static [u8], bytes_min: usize) -> Token {
    Token { begins, bytes_min }
}

/// Beginnings that issuers publish for their tokens, so that scanners can find them (their documentation; lengths are the
/// least that are issued, rounded down).
const TOKENS: [Token; 62] = [
    token(b"AGE-SECRET-KEY-1", 20),
    token(b"AIza", 35),
    token(b"AKIA", 20),
    token(b"ASIA", 20),
    token(b"ATATT3", 20),
    token(b"EAAA", 40),
    token(b"FLWSECK", 20),
    token(b"NRAK-", 20),
    token(b"PMAK-", 20),
    token(b"SG.", 22),
    token(b"atlasv1", 20),
    token(b"dapi", 32),
    token(b"dckr_pat_", 16),
    token(b"doo_v1_", 16),
    token(b"dop_v1_", 16),
    token(b"dor_v1_", 16),
    token(b"dp.pt.", 16),
    token(b"eyJ", 24),
    token(b"gho_", 16),
    token(b"ghp_", 16),
    token(b"ghr_", 16),
    token(b"ghs_", 16),
    token(b"ghu_", 16),
    token(b"github_pat_", 20),
    token(b"glc_", 24),
    token(b"gldt-", 14),
    token(b"glpat-", 14),
    token(b"glptt-", 14),
    token(b"glrt-", 14),
    token(b"glsa_", 20),
    token(b"hf_", 20),
    token(b"hvb.", 16),
    token(b"hvs.", 16),
    token(b"lin_api_", 20),
    token(b"npm_", 20),
    token(b"pat-na1-", 20),
    token(b"pscale_", 20),
    token(b"pypi-", 20),
    token(b"rk_live_", 16),
    token(b"rk_test_", 16),
    token(b"rubygems_", 20),
    token(b"sbp_", 24),
    token(b"shpat_", 20),
    token(b"shpca_", 20),
    token(b"shppa_", 20),
    token(b"shpss_", 20),
    token(b"sk-", 20),
    token(b"sk_live_", 16),
    token(b"sk_test_", 16),
    token(b"sntrys_", 20),
    token(b"sq0atp-", 20),
    token(b"sq0csp-", 20),
    token(b"tfp_", 24),
    token(b"whsec_", 16),
    token(b"xapp-", 14),
    token(b"xkeysib-", 20),
    token(b"xoxa-", 14),
    token(b"xoxb-", 14),
    token(b"xoxe", 14),
    token(b"xoxp-", 14),
    token(b"xoxr-", 14),
    token(b"xoxs-", 14),
];

/// The tokens that begin with each byte of ASCII: how many come before them in [`TOKENS`].
static BEFORE: [u8; 129] = before();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn before() -> [u8; 129] {
    let mut before = [0; 129];
    let mut place = 0;
    let mut byte = 0;
    while byte < 129 {
        while place < TOKENS.len() && (TOKENS[place].begins[0] as usize) < byte {
            place += 1;
        }
        before[byte] = place as u8;
        byte += 1;
    }
    before
}

/// Beginnings of password hashes in the form of `crypt(3)` and its successors.
const CRYPT: [&[u8]; 12] =
    [b"$apr1$", b"$argon2", b"$1$", b"$2a$", b"$2b$", b"$2y$", b"$5$", b"$6$", b"$y$", b"$scrypt$", b"{SHA}", b"{SSHA"];

/// Addresses whose path is the secret.
const WEBHOOKS: [&[u8]; 4] =
    [b"hooks.slack.com/", b"discord.com/api/webhooks/", b"discordapp.com/api/webhooks/", b"webhook.office.com/"];

/// Marks of a PEM block.
const PEM_BEGIN: &[u8] = b"-----BEGIN ";
const PEM_END: &[u8] = b"-----END ";

#[inline]
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'=' | b'~' | b'%')
}

/// End of the run of bytes from `start` on that a token may have.
fn token_end(text: &[u8], start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| is_token_byte(**byte)).count()
}

/// The token that begins at `start`, the beginning of a word.
#[inline]
pub(super) fn token_at(text: &[u8], start: usize, rules: &Rules) -> Option<Range<usize>> {
    let rest = text.get(start..)?;
    let declared = rules.prefixes.iter().any(|prefix| rest.starts_with(prefix));
    let first = usize::from(*rest.first()?);
    let bound = |at: usize| BEFORE.get(at).map_or(TOKENS.len(), |place| usize::from(*place));
    let candidates = TOKENS.get(bound(first)..bound(first + 1)).filter(|_| rules.builtin).unwrap_or_default();
    let long = |known: &Token| rest.starts_with(known.begins) && token_end(text, start) - start >= known.bytes_min;
    (declared || candidates.iter().any(long)).then(|| start..token_end(text, start).max(start + 1))
}

/// The password hash that begins at `start`.
pub(super) fn crypt_at(text: &[u8], start: usize) -> Option<Range<usize>> {
    let rest = text.get(start..)?;
    if !CRYPT.iter().any(|begin| rest.starts_with(begin)) {
        return None;
    }
    let ends = |byte: &u8| is_blank(*byte) || matches!(byte, b'"' | b'\'' | b'`' | b':' | b'\n' | b'\r');
    let length = rest.iter().position(ends).unwrap_or(rest.len());
    // `$1$` alone may be a parameter of a shell or of SQL.
    (length >= 12).then_some(start..start + length)
}

/// The body of the PEM block whose first mark begins at `start`, to the end of the text if its last mark is missing; and of a
/// block that holds nothing secret, its mark as an empty range.
pub(super) fn pem_at(text: &[u8], start: usize) -> Option<Range<usize>> {
    if !starts(text, start, PEM_BEGIN) {
        return None;
    }
    let label = start + PEM_BEGIN.len();
    let dashes = find(text, label, b"-----").unwrap_or(text.len());
    let name = text.get(label..dashes).unwrap_or_default();
    let body = (dashes + 5).min(text.len());
    let has = |word: &[u8]| find(name, 0, word).is_some();
    if !has(b"PRIVATE") && (has(b"CERTIFICATE") || has(b"PUBLIC")) {
        return Some(body..body);
    }
    // A label of several lines is no label: what looks like a mark is hidden with all that follows it.
    let body = if name.len() > 64 || name.contains(&b'\n') { label } else { body };
    Some(body..find(text, body, PEM_END).unwrap_or(text.len()))
}

/// The credentials of the URL whose `://` begins at `colon`; also the path of a webhook.
pub(super) fn url_at(text: &[u8], scheme: usize, colon: usize) -> Option<Range<usize>> {
    let start = colon + 3;
    let rest = text.get(start..)?;
    let ends = |byte: &u8| is_blank(*byte) || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\n' | b'\r');
    let rest = rest.get(..rest.iter().position(ends).unwrap_or(rest.len()))?;
    if let Some(hook) = WEBHOOKS.iter().find_map(|hook| find(rest, 0, hook).map(|at| at + hook.len())) {
        return Some(start + hook..start + rest.len());
    }
    let slash = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = rest.get(..slash)?;
    let port = authority.iter().position(|byte| *byte == b':');
    let is_port = |at: usize| authority.get(at + 1..).is_some_and(|port| port.iter().all(u8::is_ascii_digit));
    // A password may hold a slash or an @, as nobody should write it and some do.
    let odd = port.filter(|at| !is_port(*at)).and_then(|_| rest.iter().rposition(|byte| *byte == b'@'));
    let at = odd.or_else(|| authority.iter().rposition(|byte| *byte == b'@'))?;
    let user = rest.get(..at)?;
    let is_http = text.get(scheme..colon).is_some_and(|scheme| scheme.to_ascii_lowercase_starts(b"http"));
    match user.iter().position(|byte| *byte == b':') {
        // A token may stand in either place: the whole is hidden where it is used so.
        Some(colon) if !is_http && colon + 1 < at && colon < 20 => Some(start + colon + 1..start + at),
        Some(_) => Some(start..start + at),
        None => (is_http && at > 0 || at >= 20).then_some(start..start + at),
    }
}

/// The credentials after `Bearer` or `Basic`, which end at `end`.
#[inline]
pub(super) fn after_scheme(text: &[u8], word: &[u8], end: usize) -> Option<Range<usize>> {
    if !word.eq_ignore_ascii_case(b"bearer") && !word.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let start = end + blanks(text, end);
    let stop = token_end(text, start);
    let credentials = text.get(start..stop)?;
    // "bearer of", "basic settings": prose.
    let prose = credentials.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'-'));
    (start > end && credentials.len() >= 6 && (!prose || credentials.len() >= 20)).then_some(start..stop)
}

/// A comparison without an allocation.
trait StartsWithoutCase {
    fn to_ascii_lowercase_starts(&self, lower: &[u8]) -> bool;
}

impl StartsWithoutCase for [u8] {
    fn to_ascii_lowercase_starts(&self, lower: &[u8]) -> bool {
        self.get(..lower.len()).is_some_and(|head| head.eq_ignore_ascii_case(lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, range: Option<Range<usize>>) -> Option<&str> {
        text.get(range?)
    }

    #[test]
    fn credentials_of_urls_are_found_and_nothing_else() {
        let found = |text: &'static str| part(text, url_at(text.as_bytes(), 0, text.find("://").unwrap()));
        assert_eq!(found("https://user:pw@host/x"), Some("user:pw"));
        assert_eq!(found("postgres://user:p@ss/w@host:5432/db"), Some("p@ss/w"));
        assert_eq!(found("redis://:pw@host"), Some("pw"));
        assert_eq!(found("https://token@host"), Some("token"));
        assert_eq!(found("https://hooks.slack.com/services/T0/B0/xyz \""), Some("services/T0/B0/xyz"));
        for plain in ["https://host/x", "https://host:443/@scope/pkg", "ssh://git@host/x", "http://[::1]:8080/"] {
            assert_eq!(found(plain), None, "{plain}");
        }
    }

    #[test]
    fn tokens_are_known_by_their_beginning() {
        let found = |text: &'static str| part(text, token_at(text.as_bytes(), 0, &Rules::BUILTIN));
        assert_eq!(found("AKIAIOSFODNN7EXAMPLE,x"), Some("AKIAIOSFODNN7EXAMPLE"));
        assert_eq!(found("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.sig"), Some("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.sig"));
        assert_eq!(found("ghp_"), None);
        assert_eq!(found("feature_1"), None);
        let rules = Rules { prefixes: vec![b"acme_".to_vec()], ..Rules::default() };
        assert_eq!(token_at(b"acme_x1 y", 0, &rules), Some(0..7));
    }

    #[test]
    fn pem_bodies_are_hidden_and_certificates_are_not() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----";
        assert_eq!(part(key, pem_at(key.as_bytes(), 0)), Some("\nabc\n"));
        let cut = "-----BEGIN PRIVATE KEY-----\nabc";
        assert_eq!(part(cut, pem_at(cut.as_bytes(), 0)), Some("\nabc"));
        assert_eq!(part("-----BEGIN CERTIFICATE-----\nabc", pem_at(b"-----BEGIN CERTIFICATE-----\nabc", 0)), Some(""));
    }
}

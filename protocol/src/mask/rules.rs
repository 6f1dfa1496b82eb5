//! Which names stand for a secret: a list of our own, and the parts of names that the proxy declares. Names are compared
//! without case, `_`, `-`, `.` and blanks, so that `api_key` fits `X-Api-Key` and `apiKey`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A part of a name whose value is secret.
struct Part {
    text: &'static [u8],
    fit: Fit,
}

const fn part(text: &'static [u8], fit: Fit) -> Part {
    Part { text, fit }
}

/// Parts of names, in the order of their first letters (chosen: what configuration files of proxies, data stores and cloud
/// services call their secrets).
const PARTS: [Part; 34] = [
    part(b"accesskey", Fit::Hard),
    part(b"accountkey", Fit::Hard),
    part(b"apikey", Fit::Hard),
    part(b"authkey", Fit::Hard),
    part(b"authorization", Fit::Soft),
    part(b"basicauth", Fit::Hard),
    part(b"bearer", Fit::Soft),
    part(b"cookie", Fit::Soft),
    part(b"credential", Fit::Hard),
    part(b"deploykey", Fit::Hard),
    part(b"encryptionkey", Fit::Hard),
    part(b"hmackey", Fit::Hard),
    part(b"jwt", Fit::Soft),
    part(b"licensekey", Fit::Hard),
    part(b"masterauth", Fit::Hard),
    part(b"masterkey", Fit::Hard),
    part(b"otpauth", Fit::Soft),
    part(b"passcode", Fit::Hard),
    part(b"passphrase", Fit::Hard),
    part(b"passwd", Fit::Hard),
    part(b"password", Fit::Hard),
    part(b"privatekey", Fit::Hard),
    part(b"privkey", Fit::Hard),
    part(b"pwd", Fit::Hard),
    part(b"requirepass", Fit::Hard),
    part(b"secret", Fit::Hard),
    part(b"sessid", Fit::Soft),
    part(b"sessionid", Fit::Soft),
    part(b"sharedaccess", Fit::Soft),
    part(b"sharedkey", Fit::Hard),
    part(b"signingkey", Fit::Hard),
    part(b"sshkey", Fit::Hard),
    part(b"storagekey", Fit::Hard),
    part(b"token", Fit::Soft),
];

/// The parts that begin with one letter: from `first` up to `end` in [`PARTS`].
#[derive(Clone, Copy)]
struct Letter {
    first: usize,
    end: usize,
}

/// The parts by their first letters.
const BY_LETTER: [Letter; 26] = by_letter();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn by_letter() -> [Letter; 26] {
    let mut letters = [Letter { first: 0, end: 0 }; 26];
    let mut letter = 0;
    let mut place = 0;
    while letter < 26 {
        let first = place;
        while place < PARTS.len() && (PARTS[place].text[0] - b'a') as usize == letter {
            place += 1;
        }
        letters[letter] = Letter { first, end: place };
        letter += 1;
    }
    assert!(place == PARTS.len(), "the parts are in order");
    letters
}

/// For each first letter, which second letters its parts have: bit 0 is `a`.
const SECONDS: [u32; 26] = seconds();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn seconds() -> [u32; 26] {
    let mut seconds = [0; 26];
    let mut place = 0;
    while place < PARTS.len() {
        let text = PARTS[place].text;
        seconds[(text[0] - b'a') as usize] |= 1 << (text[1] - b'a');
        place += 1;
    }
    seconds
}

/// Whether a part may begin with two bytes of a name. A filler may stand before any letter.
#[inline]
fn may_begin(first: usize, second: u8) -> bool {
    let second = second.to_ascii_lowercase().wrapping_sub(b'a');
    second >= 26 || SECONDS.get(first).is_some_and(|seconds| seconds & 1 << second != 0)
}

/// Whole names whose values are secret.
const WHOLE: [&[u8]; 7] = [b"pass", b"auth", b"sig", b"pin", b"otp", b"totp", b"pepper"];

/// Longest name that may be one of [`WHOLE`], with fillers: `--_pepper`.
const WHOLE_BYTES_MAX: usize = 12;

/// Names that end in `pass` and hold an address: the directives of nginx.
const ADDRESSES: [&[u8]; 8] =
    [b"proxypass", b"fastcgipass", b"uwsgipass", b"scgipass", b"grpcpass", b"memcachedpass", b"bypass", b"compass"];

/// How a name fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It stands for no secret.
    No,
    /// Its value is a secret unless it is a small number, a duration or a word such as `true`.
    Soft,
    /// Its value is a secret unless it is `true`, `false`, `null` or nothing.
    Hard,
    /// The proxy declared it: its value is a secret.
    Declared,
}

/// Finds secrets in a text: their byte ranges.
pub type Find = dyn Fn(&str) -> Vec<Range<usize>> + Send + Sync;

/// A finder of secrets of the proxy's own.
#[derive(Clone)]
pub struct Finder(pub Arc<Find>);

impl fmt::Debug for Finder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Finder")
    }
}

/// What is hidden.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Whether the lists of firstbad apply: names, key patterns, URL credentials, PEM blocks.
    pub builtin: bool,
    /// Parts of names that the proxy declares, normalised.
    pub names: Vec<Vec<u8>>,
    /// Beginnings of values that the proxy declares.
    pub prefixes: Vec<Vec<u8>>,
    /// A finder of the proxy's own.
    pub finder: Option<Finder>,
}

impl Rules {
    /// The lists of firstbad alone.
    pub const BUILTIN: Self = Self { builtin: true, names: Vec::new(), prefixes: Vec::new(), finder: None };

    /// Whether anything is hidden at all.
    #[must_use]
    pub fn hide(&self) -> bool {
        self.builtin || !self.names.is_empty() || !self.prefixes.is_empty() || self.finder.is_some()
    }

    /// Declares a part of a name; a part without letters and digits is ignored, since it would fit every name.
    pub fn add_name(&mut self, part: &str) {
        let name: Vec<u8> =
            part.bytes().filter(|byte| !is_filler(*byte)).map(|byte| byte.to_ascii_lowercase()).collect();
        if !name.is_empty() {
            self.names.push(name);
        }
    }

    /// Whether `word` is itself a name of secrets, no more and no less.
    pub(super) fn is_name(&self, word: &[u8]) -> bool {
        let ours = self.builtin
            && (PARTS.iter().any(|part| equals(word, part.text)) || WHOLE.iter().any(|whole| equals(word, whole)));
        ours || self.names.iter().any(|rule| equals(word, rule))
    }

    /// How `name` fits. It allocates nothing.
    #[inline]
    pub(super) fn fit(&self, name: &[u8]) -> Fit {
        if self.names.iter().any(|rule| contains(name, rule)) {
            return Fit::Declared;
        }
        if !self.builtin {
            return Fit::No;
        }
        let known = builtin(name);
        // A name with escapes (`"pass\u0077ord"`) hides what it is.
        if known == Fit::Hard || is_pass(name) || super::text::find(name, 0, b"\\u").is_some() {
            return Fit::Hard;
        }
        if known == Fit::Soft || name.len() <= WHOLE_BYTES_MAX && is_whole(name) {
            return Fit::Soft;
        }
        Fit::No
    }
}

/// How the parts of our own fit, each place of the name against those that begin with its letter.
#[inline]
fn builtin(name: &[u8]) -> Fit {
    let mut found = Fit::No;
    for (at, byte) in name.iter().enumerate() {
        let letter = usize::from(byte.to_ascii_lowercase().wrapping_sub(b'a'));
        let Some(Letter { first, end }) = BY_LETTER.get(letter) else { continue };
        let Some(rest) = name.get(at..) else { continue };
        if !rest.get(1).is_some_and(|second| may_begin(letter, *second)) {
            continue;
        }
        for part in PARTS.get(*first..*end).unwrap_or_default() {
            if after(rest, part.text).is_some() {
                if part.fit == Fit::Hard {
                    return Fit::Hard;
                }
                found = Fit::Soft;
            }
        }
    }
    found
}

/// Whether a name is one of [`WHOLE`].
#[inline]
fn is_whole(name: &[u8]) -> bool {
    let first = name.iter().find(|byte| !is_filler(**byte)).map(u8::to_ascii_lowercase);
    WHOLE.iter().any(|whole| whole.first().copied() == first && equals(name, whole))
}

/// Whether a name ends in `pass` as a word of its own, as `DB_PASS` does and `bypass` does not.
#[inline]
fn is_pass(name: &[u8]) -> bool {
    let Some(start) = name.len().checked_sub(4) else { return false };
    let (head, tail) = name.split_at_checked(start).unwrap_or((name, &[]));
    if !tail.eq_ignore_ascii_case(b"pass") {
        return false;
    }
    let apart =
        head.last().is_none_or(|byte| is_filler(*byte) || tail.first() == Some(&b'P') && byte.is_ascii_lowercase());
    apart && !ADDRESSES.iter().any(|address| contains(name, address))
}

/// Bytes of a name that do not count.
#[inline]
const fn is_filler(byte: u8) -> bool {
    matches!(byte, b'_' | b'-' | b'.' | b' ' | b'\t' | b'"' | b'\'')
}

/// Whether `rule` stands somewhere in `name`, without case and fillers.
fn contains(name: &[u8], rule: &[u8]) -> bool {
    let Some(first) = rule.first() else { return false };
    name.iter().enumerate().any(|(at, byte)| {
        byte.to_ascii_lowercase() == *first && name.get(at..).and_then(|rest| after(rest, rule)).is_some()
    })
}

/// What follows `rule` at the beginning of `name`.
#[inline]
fn after<'a>(name: &'a [u8], rule: &[u8]) -> Option<&'a [u8]> {
    let mut wanted = rule.iter();
    let mut next = wanted.next();
    for (at, byte) in name.iter().enumerate() {
        match next {
            None => return name.get(at..),
            Some(_) if is_filler(*byte) => {}
            Some(expected) if byte.to_ascii_lowercase() == *expected => next = wanted.next(),
            Some(_) => return None,
        }
    }
    next.is_none().then_some(&[])
}

/// Whether `name` is `whole`, without case and fillers, in the singular or the plural.
#[inline]
fn equals(name: &[u8], whole: &[u8]) -> bool {
    let start = name.iter().position(|byte| !is_filler(*byte)).unwrap_or(name.len());
    let rest = name.get(start..).and_then(|name| after(name, whole));
    rest.is_some_and(|rest| rest.iter().all(|byte| is_filler(*byte) || matches!(byte, b's' | b'S')))
}

/// Whether a value of a name that fits may stay: it is no secret, by its form.
pub(super) fn may_stay(fit: Fit, value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let word = [&b"true"[..], b"false", b"null", b"none", b"nil", b"~", b"yes", b"no", b"on", b"off", b"[]", b"{}"];
    match fit {
        Fit::No => true,
        Fit::Declared => value.is_empty(),
        Fit::Hard => value.is_empty() || word.iter().any(|word| value.eq_ignore_ascii_case(word)),
        Fit::Soft => may_stay(Fit::Hard, value) || is_amount(value),
    }
}

/// A number of at most five digits, with a unit of at most two letters: `4096`, `0.5`, `30s`.
fn is_amount(value: &[u8]) -> bool {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let unit = value.get(digits..).unwrap_or_default();
    (1..=5).contains(&digits) && unit.len() <= 2 && unit.iter().all(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_whatever_their_spelling() {
        let mut rules = Rules::BUILTIN;
        rules.add_name("Api_Zeile");
        rules.add_name("-_");
        let fit = |name: &str| rules.fit(name.as_bytes());
        for name in ["password", "DB_PASS", "dbPass", "X-Api-Key", "aws.secret.access.key", "pass\\u0077ord", "passwd"]
        {
            assert_eq!(fit(name), Fit::Hard, "{name}");
        }
        for name in ["auth_tokens", "Cookie", "sig", "_auth", "Authorization"] {
            assert_eq!(fit(name), Fit::Soft, "{name}");
        }
        assert_eq!(fit("apiZeile2"), Fit::Declared);
        for name in ["proxy_pass", "bypass", "compass", "feature", "author", "signal", "name", "", "pin_count"] {
            assert_eq!(fit(name), Fit::No, "{name}");
        }
    }

    #[test]
    fn settings_stay_visible_and_secrets_do_not() {
        for value in ["", "4096", "30s", "0.5", "true", "null"] {
            assert!(may_stay(Fit::Soft, value.as_bytes()), "{value}");
        }
        for value in ["123456", "30 s", "abc", "1234abc"] {
            assert!(!may_stay(Fit::Soft, value.as_bytes()), "{value}");
        }
        assert!(!may_stay(Fit::Hard, b"12345") && !may_stay(Fit::Declared, b"true") && may_stay(Fit::Declared, b" "));
    }
}

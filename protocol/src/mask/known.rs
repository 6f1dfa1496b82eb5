//! Words of secrets that were hidden in a content, so that they are hidden again where nothing tells what they are: in a
//! parser's error that quotes a value, in a panic's message. Only bits of their hashes are kept, in a fixed table without a
//! lock (a Bloom filter): a word that was added is always found; another word is taken for one, and hidden for nothing, in
//! less than one case of a hundred up to 60,000 secrets.

use super::rules::Rules;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// Bits of the table: 64 KiB, of which a process without secrets touches nothing.
const BITS: usize = 1 << 19;
/// Bits of a word.
const BITS_PER_WORD: u32 = 3;
/// Least bytes of a word of letters: shorter ones are words of prose as often as secrets.
const LETTERS_MIN: usize = 6;
/// Least bytes of a word with a digit or a sign in it.
const MIXED_MIN: usize = 4;
/// Least bytes of a number: shorter ones are limits, ports and line numbers.
const DIGITS_MIN: usize = 6;

/// The words of the secrets of one process.
pub struct Known {
    table: [AtomicU64; BITS / 64],
    in_use: AtomicBool,
}

/// How a text is cut into what may be a secret, or a piece of one, each cut finer than that before: values in a message, parts
/// of a URL, letters and digits. A secret that was cut otherwise, because something else stood beside it, is still known by
/// its pieces.
const CUTS: [u8; 3] = [VALUE, PART, PLAIN];
const VALUE: u8 = 1;
const PART: u8 = 2;
const PLAIN: u8 = 4;

/// For each byte, the cuts within whose pieces it stands.
static CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'"' | b'\'' | b'`' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' => 0,
            b',' | b';' | b'=' | b':' | b'\\' | b' ' | b'\t' | b'\n' | b'\r' | 0x0c => 0,
            b'@' | b'/' | b'&' | b'?' | b'|' => VALUE,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | 0x80.. => VALUE | PART | PLAIN,
            _ => VALUE | PART,
        };
        byte += 1;
    }
    classes
}

/// Whether the byte at `at` stands within a piece of the cut. An escape of a line end does not: a content that is quoted by
/// another, or by `{:?}`, has `\n` in place of its lines.
#[inline]
fn inside(text: &[u8], at: usize, cut: u8) -> bool {
    let Some(byte) = text.get(at).copied() else { return false };
    let class = CLASSES.get(usize::from(byte)).copied().unwrap_or(0);
    let escape =
        matches!(byte, b'n' | b'r' | b't') && at.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'\\');
    class & cut != 0 && !escape
}

impl Default for Known {
    fn default() -> Self {
        Self::new()
    }
}

impl Known {
    /// No words.
    #[must_use]
    pub const fn new() -> Self {
        Self { table: [const { AtomicU64::new(0) }; BITS / 64], in_use: AtomicBool::new(false) }
    }

    /// Remembers the words of a secret. A word that is itself a name of secrets (`password = "password"`) is not remembered:
    /// it would hide the name wherever it stands.
    pub(super) fn add(&self, secret: &[u8], rules: &Rules) {
        let keep = |word: &[u8]| {
            if counts(word) && !rules.is_name(word) {
                self.set(word);
            }
        };
        let mut pieces = |place: Range<usize>| {
            keep(secret.get(place).unwrap_or_default());
            false
        };
        cut(secret, 0..secret.len(), &CUTS, &mut pieces);
    }

    /// Calls `visit` with the parts of `text` in order, and whether a part is a word of a known secret. It allocates nothing.
    pub(super) fn split(&self, text: &[u8], mut visit: impl FnMut(&[u8], bool)) {
        let mut shown = 0;
        if self.in_use.load(Relaxed) {
            let mut hide = |place: Range<usize>| {
                let hidden = text.get(place.clone()).is_some_and(|piece| counts(piece) && self.has(piece));
                if hidden {
                    visit(text.get(shown..place.start).unwrap_or_default(), false);
                    visit(text.get(place.clone()).unwrap_or_default(), true);
                    shown = place.end;
                }
                hidden
            };
            cut(text, 0..text.len(), &CUTS, &mut hide);
        }
        visit(text.get(shown..).unwrap_or_default(), false);
    }

    fn set(&self, word: &[u8]) {
        self.in_use.store(true, Relaxed);
        for bit in bits(word) {
            if let Some(cell) = self.table.get(bit / 64) {
                cell.fetch_or(1 << (bit % 64), Relaxed);
            }
        }
    }

    fn has(&self, word: &[u8]) -> bool {
        bits(word).all(|bit| self.table.get(bit / 64).is_some_and(|cell| cell.load(Relaxed) & 1 << (bit % 64) != 0))
    }
}

/// Gives the pieces of `text` within `span` to `take`, and, of those that it does not take, the finer pieces.
fn cut(text: &[u8], span: Range<usize>, cuts: &[u8], take: &mut dyn FnMut(Range<usize>) -> bool) {
    let Some((first, finer)) = cuts.split_first() else { return };
    let mut places = span.clone();
    while let Some(start) = places.find(|at| inside(text, *at, *first)) {
        // The cuts within whose pieces all bytes of this one stand: they cut no further.
        let mut common = u8::MAX;
        let is_end = |at: &usize| {
            let ends = !inside(text, *at, *first);
            if !ends {
                common &= text.get(*at).and_then(|byte| CLASSES.get(usize::from(*byte))).copied().unwrap_or(0);
            }
            ends
        };
        let end = (start..span.end).find(is_end).unwrap_or(span.end);
        places.start = end;
        if !take(start..end) {
            let whole = finer.iter().take_while(|cut| common & **cut != 0).count();
            cut(text, start..end, finer.get(whole..).unwrap_or_default(), take);
        }
    }
}

/// Whether a word is long enough to be known by itself.
#[inline]
fn counts(word: &[u8]) -> bool {
    if word.len() < MIXED_MIN {
        return false;
    }
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = word.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if digits == word.len() {
        return digits >= DIGITS_MIN;
    }
    // Nothing but signs: what stands in place of a hidden value.
    let signs = word.len() - digits - letters;
    signs < word.len() && word.len() >= if letters == word.len() { LETTERS_MIN } else { MIXED_MIN }
        || word.iter().any(|byte| *byte >= 0x80) && word.len() >= MIXED_MIN
}

/// Places of a word's bits.
fn bits(word: &[u8]) -> impl Iterator<Item = usize> {
    // FNV-1a, and the finish of SplitMix64, since all bits of the result are used.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in word {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    (0..BITS_PER_WORD).map(move |index| (hash >> (index * 19)) as usize % BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_were_added_are_found_and_no_others() {
        let known = Known::new();
        let shown = |text: &str| {
            let mut shown = String::new();
            known.split(text.as_bytes(), |part, hidden| {
                shown.push_str(if hidden { "*" } else { std::str::from_utf8(part).unwrap() });
            });
            shown
        };
        let text = "nothing is known yet: limit 200, Zebra7x, password";
        assert_eq!(shown(text), text);
        known.add(b"Zebra7x-Quagga !ab? 4711 nightingale password 200", &Rules::BUILTIN);
        assert_eq!(shown(text), "nothing is known yet: limit 200, *, password");
        assert_eq!(shown("got \"Zebra7x\" and nightingale, limit 4711"), "got \"*\" and *, limit 4711");
        assert_eq!(shown("(!ab?) abc Zebra7"), "(*) abc Zebra7");
        for number in 0..60_000 {
            known.add(format!("secret{number}x").as_bytes(), &Rules::BUILTIN);
        }
        let mistaken = (0..10_000).filter(|number| known.has(format!("innocent{number}").as_bytes())).count();
        assert!(mistaken < 300, "{mistaken} of 10,000");
    }
}

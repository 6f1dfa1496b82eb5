//! Tokens of JSON, as exporters write them, straight from the bytes. None means "not written in the usual way", never
//! "wrong": what is wrong is decided by the general reader, which then reads the line anew.

use std::borrow::Cow;

/// Objects and lists within each other. A request nests to 17; what goes deeper must not be followed down the stack, and the
/// general reader says where it is refused.
const DEPTH_MAX: usize = 64;

/// A place in a line.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

/// Which fields of an object were there: the general reader refuses one that comes twice.
#[derive(Debug, Default)]
pub(super) struct Seen(u32);

impl Seen {
    /// Notes field number `field`; none if it came before.
    pub(super) fn once(&mut self, field: u32) -> Option<()> {
        let bit = 1 << field;
        let is_new = self.0 & bit == 0;
        self.0 |= bit;
        is_new.then_some(())
    }
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// The next byte that is no white space; it stays.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at).copied()? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.peek()?;
        self.bytes.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    /// Whether nothing follows.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// What `read` reads, or `null`: the default.
    pub(super) fn or_null<T: Default>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.peek()? == b'n' { self.word(b"null").map(|()| T::default()) } else { read(self) }
    }

    /// The beginning of an object or list. Only its end leaves the depth again: what fails in between is not read on.
    fn open(&mut self, byte: u8) -> Option<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        self.eat(byte)
    }

    fn close(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    /// An object, field by field.
    pub(super) fn object(&mut self, mut field: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.open(b'{')?;
        if self.peek()? == b'}' {
            self.close();
            return Some(());
        }
        loop {
            let key = self.plain()?;
            self.eat(b':')?;
            field(self, key)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.close();
        Some(())
    }

    /// A list, element by element.
    pub(super) fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut all = Vec::new();
        self.open(b'[')?;
        if self.peek()? == b']' {
            self.close();
            return Some(all);
        }
        loop {
            all.push(element(self)?);
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.close();
        Some(all)
    }

    /// The bytes of a text without escapes.
    fn plain(&mut self) -> Option<&'a [u8]> {
        self.eat(b'"')?;
        let start = self.at;
        let end = self.special(start)?;
        self.at = end + 1;
        (self.bytes.get(end) == Some(&b'"')).then(|| self.bytes.get(start..end)).flatten()
    }

    /// Where the next byte stands that ends a text, escapes in it, or may not be in it.
    fn special(&self, mut at: usize) -> Option<usize> {
        const ONES: u64 = u64::MAX / 255;
        const HIGH: u64 = ONES << 7;
        // A byte that is zero borrows into its high bit; the lowest one that does is exact.
        let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
        while let Some(chunk) = self.bytes.get(at..at + 8).and_then(|chunk| chunk.try_into().ok()) {
            let word = u64::from_le_bytes(chunk);
            let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
            let found = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | control;
            if found != 0 {
                return Some(at + (found.trailing_zeros() / 8) as usize);
            }
            at += 8;
        }
        let is_special = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < 0x20;
        self.bytes.get(at..)?.iter().position(is_special).map(|offset| at + offset)
    }

    /// A text, borrowed where it holds no escape.
    pub(super) fn text(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        if let Some(text) = self.plain() {
            return std::str::from_utf8(text).ok().map(Cow::Borrowed);
        }
        self.at = start;
        self.eat(b'"')?;
        let start = self.at - 1;
        let mut at = self.at;
        loop {
            at = self.special(at)?;
            match self.bytes.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => return None,
            }
        }
        self.at = at + 1;
        serde_json::from_slice(self.bytes.get(start..=at)?).ok().map(Cow::Owned)
    }

    /// A whole number, as itself or as text. Where there is none the place stays.
    pub(super) fn natural(&mut self) -> Option<u64> {
        let quoted = self.peek()? == b'"';
        let (number, end) = self.digits(self.at + usize::from(quoted))?;
        self.end_number(quoted, end)?;
        Some(number)
    }

    /// A whole number that may be negative.
    pub(super) fn integer(&mut self) -> Option<i64> {
        let quoted = self.peek()? == b'"';
        let start = self.at + usize::from(quoted);
        let negative = self.bytes.get(start) == Some(&b'-');
        let (number, end) = self.digits(start + usize::from(negative))?;
        let number = i64::try_from(number).ok()?;
        self.end_number(quoted, end)?;
        Some(if negative { -number } else { number })
    }

    /// The number that the digits from `start` on write, and where they end.
    fn digits(&self, start: usize) -> Option<(u64, usize)> {
        let rest = self.bytes.get(start..)?;
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = rest.get(..length)?;
        let unusual = length == 0 || length > 19 || (length > 1 && digits.first() == Some(&b'0'));
        if unusual {
            return None;
        }
        // Nineteen digits always fit.
        let number = digits.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        Some((number, start + length))
    }

    /// A number ends at `end`.
    fn end_number(&mut self, quoted: bool, end: usize) -> Option<()> {
        match self.bytes.get(end)? {
            b'"' if quoted => self.at = end + 1,
            b',' | b'}' | b']' | b' ' | b'\n' | b'\t' | b'\r' if !quoted => self.at = end,
            _ => return None,
        }
        Some(())
    }

    /// A real number, as itself.
    pub(super) fn real(&mut self) -> Option<f64> {
        self.peek()?;
        let is_of_number = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.bytes.get(self.at..)?.iter().take_while(is_of_number).count();
        let text = self.bytes.get(self.at..self.at + length)?;
        self.end_number(false, self.at + length)?;
        // The general reader's own rounding: both ways must give the same bits.
        serde_json::from_slice(text).ok()
    }

    pub(super) fn truth(&mut self) -> Option<bool> {
        if self.peek()? == b't' { self.word(b"true").map(|()| true) } else { self.word(b"false").map(|()| false) }
    }

    /// Passes over a value of a field that nothing reads.
    pub(super) fn skip(&mut self, key: &[u8]) -> Option<()> {
        // Some fields have a second spelling, with underscores: the general reader knows which.
        let usual = !key.contains(&b'_') && std::str::from_utf8(key).is_ok();
        if usual { self.pass() } else { None }
    }

    fn pass(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.plain().map(drop),
            b'{' => self.object(|scan, _| scan.pass()),
            b'[' => self.list(Self::pass).map(drop),
            b't' | b'f' => self.truth().map(drop),
            b'n' => self.word(b"null"),
            _ => self.real().map(drop),
        }
    }
}

//! Variants of a good file, as producers, disks and networks make them. Each says what a loader may do with it; what one did
//! is judged in `testing`.

use firstbad_protocol::content::{Dialect, Format, Part, for_each_row};

/// What a loader may do with a variant. Panicking and hanging are never among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Take it, and behave as with the good file.
    Acceptance,
    /// Refuse it.
    Refusal,
    /// Refuse it, or take it and behave as with the good file.
    RefusalOrSame,
    /// Anything: the variant may be a good file with other values.
    Anything,
}

pub(super) struct Variant {
    pub(super) name: String,
    pub(super) expected: Expected,
    pub(super) bytes: Vec<u8>,
}

/// The good file, cut into what stands before its rows, the rows, what stands between them, and what follows.
struct Rows<'a> {
    before: &'a [u8],
    rows: Vec<&'a [u8]>,
    between: &'a [u8],
    after: &'a [u8],
    separator: u8,
}

impl<'a> Rows<'a> {
    /// None for a file without at least one row that this crate can cut out.
    fn of(bytes: &'a [u8], format: Format) -> Option<Self> {
        let mut places: Vec<(usize, usize)> = Vec::new();
        for_each_row(bytes, format, |row| {
            if matches!(row.part, Part::Row | Part::Setting) {
                let start = (row.bytes.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize);
                places.push((start, start.saturating_add(row.bytes.len())));
            }
        });
        let (first, last) = (places.first()?, places.last()?);
        let default: &[u8] = if format == Format::JsonArray { b"," } else { b"\n" };
        let between = places.get(1).and_then(|second| bytes.get(first.1..second.0)).unwrap_or(default);
        Some(Self {
            before: bytes.get(..first.0)?,
            rows: places.iter().filter_map(|(start, end)| bytes.get(*start..*end)).collect(),
            between,
            after: bytes.get(last.1..)?,
            separator: Dialect::of(bytes, format).map_or(b',', |dialect| dialect.separator),
        })
    }

    fn with(&self, rows: &[Vec<u8>]) -> Vec<u8> {
        [self.before, &rows.join(self.between), self.after].concat()
    }

    fn owned(&self) -> Vec<Vec<u8>> {
        self.rows.iter().map(|row| row.to_vec()).collect()
    }

    /// The rows with the middle one changed.
    fn with_middle(&self, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let mut rows = self.owned();
        let middle = rows.len() / 2;
        if let Some(row) = rows.get_mut(middle) {
            *row = change(row);
        }
        self.with(&rows)
    }

    /// `count` rows: the good ones, then new ones made from them, each of its own.
    fn grown(&self, count: usize) -> Vec<u8> {
        let mut rows = self.owned();
        rows.truncate(count);
        for number in 0..count.saturating_sub(rows.len()) {
            let like = self.rows.get(number % self.rows.len().max(1)).copied().unwrap_or_default();
            rows.push(distinct(like, number));
        }
        self.with(&rows)
    }
}

/// A row like `row` with another first field.
fn distinct(row: &[u8], number: usize) -> Vec<u8> {
    let place = row.iter().position(u8::is_ascii_alphanumeric).unwrap_or(0);
    let (head, tail) = row.split_at_checked(place).unwrap_or((row, &[]));
    [head, format!("{}", number + 1).as_bytes(), tail].concat()
}

/// Every variant of `good`.
pub(super) fn of(good: &[u8], name: &str, rows_max: Option<usize>) -> Vec<Variant> {
    let mut found = Vec::new();
    of_bytes(good, &mut found);
    let format = Format::of(name, good);
    if let Some(rows) = Rows::of(good, format) {
        of_rows(&rows, &mut found);
        of_fields(&rows, &mut found);
        of_sizes(&rows, rows_max, &mut found);
    }
    // What is the good file after all (one row, reversed) proves nothing.
    found.retain(|variant| variant.bytes != good || variant.expected == Expected::Acceptance);
    found
}

fn of_bytes(good: &[u8], found: &mut Vec<Variant>) {
    use Expected::{Refusal, RefusalOrSame};
    let mut add = |name: &str, expected: Expected, bytes: Vec<u8>| {
        found.push(Variant { name: name.to_owned(), expected, bytes });
    };
    let middle = good.len() / 2;
    let (head, tail) = good.split_at_checked(middle).unwrap_or((good, &[]));
    add("an empty file", Refusal, Vec::new());
    add("white space only", Refusal, b" \n\n".to_vec());
    for eighth in 1..8 {
        let bytes = good.get(..good.len() * eighth / 8).unwrap_or_default().to_vec();
        add(&format!("truncated to {eighth} eighths"), RefusalOrSame, bytes);
    }
    let but_last = good.trim_ascii_end();
    let but_last = but_last.get(..but_last.len().saturating_sub(1)).unwrap_or_default();
    add("truncated by one byte of content", RefusalOrSame, but_last.to_vec());
    add("the file twice", RefusalOrSame, [good, good].concat());
    add("zeros in the middle", RefusalOrSame, [head, &[0; 16], tail].concat());
    add("bytes that are no UTF-8 in the middle", RefusalOrSame, [head, b"\xff\xfe\x80", tail].concat());
    add("a byte order mark before it", RefusalOrSame, [b"\xef\xbb\xbf", good].concat());
    add("junk", Refusal, junk(good.len().max(64)));
    add("the second half zeros (a sparse write)", RefusalOrSame, [head, &vec![0; tail.len()]].concat());
    add("an error page instead", Refusal, b"<html><body>502 Bad Gateway</body></html>\n".to_vec());
}

/// Bytes without meaning, the same ones every time.
fn junk(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length.div_ceil(8)).flat_map(|_| next()).take(length).collect()
}

fn of_rows(rows: &Rows<'_>, found: &mut Vec<Variant>) {
    use Expected::{Anything, RefusalOrSame};
    let mut add = |name: &str, expected: Expected, bytes: Vec<u8>| {
        found.push(Variant { name: name.to_owned(), expected, bytes });
    };
    let owned = rows.owned();
    let last = owned.len().saturating_sub(1);
    add("no rows", RefusalOrSame, [rows.before, rows.after].concat());
    add(
        "every row twice",
        RefusalOrSame,
        rows.with(&owned.iter().flat_map(|row| [row.clone(), row.clone()]).collect::<Vec<_>>()),
    );
    add("all rows four times (the view of November)", RefusalOrSame, rows.with(&[&owned[..]; 4].concat()));
    add("the last row twice", RefusalOrSame, rows.with(&[&owned[..], owned.get(last..).unwrap_or_default()].concat()));
    add("the rows in reverse order", RefusalOrSame, rows.with(&owned.iter().rev().cloned().collect::<Vec<_>>()));
    add("one row less", Anything, rows.with(owned.get(..last).unwrap_or_default()));
    add("one row more", Anything, rows.grown(owned.len() + 1));
    add("a blank row in the middle", RefusalOrSame, rows.with_middle(|row| [row, rows.between, rows.between].concat()));
    add("the middle row blank", RefusalOrSame, rows.with_middle(|_| Vec::new()));
    add(
        "the middle row cut in half",
        RefusalOrSame,
        rows.with_middle(|row| row.get(..row.len() / 2).unwrap_or_default().to_vec()),
    );
    let ends: Vec<u8> = rows
        .with(&owned)
        .iter()
        .flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] })
        .collect();
    add("line ends of another system", RefusalOrSame, ends);
}

fn of_fields(rows: &Rows<'_>, found: &mut Vec<Variant>) {
    use Expected::{Anything, RefusalOrSame};
    let mut add = |name: &str, expected: Expected, bytes: Vec<u8>| {
        found.push(Variant { name: name.to_owned(), expected, bytes });
    };
    let separator = rows.separator;
    let split = |row: &[u8]| row.split(|byte| *byte == separator).map(<[u8]>::to_vec).collect::<Vec<_>>();
    if rows.rows.iter().any(|row| row.contains(&separator)) {
        let join = move |fields: &[Vec<u8>]| fields.join(&separator);
        add(
            "a row with a field less",
            RefusalOrSame,
            rows.with_middle(|row| {
                let mut fields = split(row);
                fields.pop();
                join(&fields)
            }),
        );
        add("a row with a field more", RefusalOrSame, rows.with_middle(|row| [row, &[separator], b"x"].concat()));
        add(
            "a row with its first field blank",
            RefusalOrSame,
            rows.with_middle(|row| {
                let mut fields = split(row);
                if let Some(first) = fields.first_mut() {
                    first.clear();
                }
                join(&fields)
            }),
        );
    }
    for (name, value) in [
        ("99999999999999999999999", "a number beyond 64 bits"),
        ("-1", "a negative number"),
        ("NaN", "not a number"),
        ("1e309", "an infinite number"),
        ("", "no number"),
    ] {
        let bytes = rows.with_middle(|row| with_number(row, name.as_bytes()));
        add(value, Anything, bytes);
    }
    add(
        "a row of a megabyte",
        Anything,
        rows.with_middle(|row| distinct(row, usize::MAX - 1).repeat((1 << 20) / row.len().max(1) + 1)),
    );
}

/// The row with its last run of digits replaced.
fn with_number(row: &[u8], number: &[u8]) -> Vec<u8> {
    let Some(last) = row.iter().rposition(u8::is_ascii_digit) else { return row.to_vec() };
    let head = row.get(..last).unwrap_or_default();
    let first = head.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |place| place + 1);
    [row.get(..first).unwrap_or_default(), number, row.get(last + 1..).unwrap_or_default()].concat()
}

fn of_sizes(rows: &Rows<'_>, rows_max: Option<usize>, found: &mut Vec<Variant>) {
    let mut add = |name: String, expected: Expected, bytes: Vec<u8>| found.push(Variant { name, expected, bytes });
    for factor in [2, 10, 1000] {
        add(
            format!("{factor} times as many rows, each its own"),
            Expected::Anything,
            rows.grown(rows.rows.len() * factor),
        );
    }
    let Some(rows_max) = rows_max else { return };
    add(format!("{rows_max} rows: as many as are allowed"), Expected::Anything, rows.grown(rows_max));
    for beyond in [rows_max + 1, rows_max * 2] {
        add(format!("{beyond} rows: more than the {rows_max} allowed"), Expected::Refusal, rows.grown(beyond));
    }
}

//! Whether the first row of a separated file is a header. A header has, in some column, another kind or shape of value than all
//! rows below it; a row of data looks like them. Where nothing tells them apart, words are a header, since most files have one.

use super::kind::{Kind, unquoted};

/// Bytes of a field's shape that are compared.
const SHAPE_BYTES_MAX: usize = 24;
/// Columns that are looked at.
const COLUMNS_MAX: usize = 64;
/// Votes of a kind (a number below a word), or of a value that stands again in its column; a shape has one vote. Chosen: with
/// equal votes, a category that repeats does not outweigh a shape.
const STRONG: i32 = 2;

/// Whether `first` is a header, by the rows after it.
pub(super) fn is_header(first: &[&[u8]], rows: &[Vec<&[u8]>]) -> bool {
    // The same row again says nothing: two files with a header, one after the other, have it twice.
    let rows: Vec<&Vec<&[u8]>> = rows.iter().filter(|row| row.as_slice() != first).collect();
    let votes: i32 = first.iter().take(COLUMNS_MAX).enumerate().map(|(column, name)| vote(name, column, &rows)).sum();
    match votes {
        0 => first.iter().enumerate().all(|(column, name)| is_name(name, column)),
        votes => votes > 0,
    }
}

/// Positive: the column says that its first value is a name.
fn vote(name: &[u8], column: usize, rows: &[&Vec<&[u8]>]) -> i32 {
    let name = unquoted(name.trim_ascii());
    let cells: Vec<&[u8]> = rows
        .iter()
        .filter_map(|row| row.get(column).map(|cell| unquoted(cell.trim_ascii())))
        .filter(|cell| !cell.is_empty())
        .collect();
    let Some(sample) = cells.first() else { return 0 };
    let numeric = |cell: &[u8]| matches!(Kind::of_field(cell), Kind::Number | Kind::NotANumber);
    let boolean = |cell: &[u8]| Kind::of_field(cell) == Kind::Boolean;
    for same in [&numeric as &dyn Fn(&[u8]) -> bool, &boolean] {
        if cells.iter().all(|cell| same(cell)) {
            return if same(name) { -STRONG } else { STRONG * i32::from(!name.is_empty()) };
        }
    }
    if name.is_empty() {
        return 0;
    }
    if cells.contains(&name) {
        return -STRONG;
    }
    let shape_of_all = shape(sample);
    if !cells.iter().all(|cell| shape(cell) == shape_of_all) {
        // No common shape: a mark that every value has, and the name has not.
        let marked = |cell: &[u8]| cell.iter().any(|byte| b"./:@*^|".contains(byte) || byte.is_ascii_digit());
        return i32::from(cells.iter().all(|cell| marked(cell)) && !marked(name));
    }
    if shape(name) != shape_of_all {
        return 1;
    }
    // Words have the shape of names; only codes of one length say more.
    let is_word = shape_of_all.iter().all(|class| *class == 0 || class.is_ascii_alphabetic());
    let is_code = cells.len() > 1 && cells.iter().all(|cell| cell.len() == name.len());
    -i32::from(!is_word || is_code)
}

/// The shape of a value: letters as `a` or `A`, digits as `0`, other bytes as they are; runs as one. Zeros fill it up.
fn shape(field: &[u8]) -> [u8; SHAPE_BYTES_MAX] {
    let class = |byte: &u8| match byte {
        b'a'..=b'z' => b'a',
        b'A'..=b'Z' => b'A',
        b'0'..=b'9' => b'0',
        other => *other,
    };
    let mut found = [0; SHAPE_BYTES_MAX];
    let (mut places, mut before) = (found.iter_mut(), 0);
    for class in field.iter().map(class) {
        if class != before {
            let Some(place) = places.next() else { break };
            (*place, before) = (class, class);
        }
    }
    found
}

/// Whether a value could name a column. The first may be empty, as tools write it over row numbers.
fn is_name(name: &[u8], column: usize) -> bool {
    let name = unquoted(name.trim_ascii());
    match name.first() {
        None => column == 0,
        Some(first) => {
            (first.is_ascii_alphabetic() || matches!(first, b'_' | b'#' | b'$') || !first.is_ascii())
                && !name.iter().any(u8::is_ascii_digit)
                && !name.iter().any(|byte| b"/@*^|:".contains(byte))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(text: &str) -> bool {
        let mut rows = text.lines().map(|line| line.split(',').map(str::as_bytes).collect::<Vec<_>>());
        let first = rows.next().unwrap();
        is_header(&first, &rows.collect::<Vec<_>>())
    }

    #[test]
    fn a_header_is_known_by_another_kind_or_shape_than_the_rows_below() {
        for with in [
            "name,type\nf0,Float32\nf1,Float32",
            "n,t\na,1\nb,1",
            "domain\nexample.com\nshop.example",
            "code,name\nDE,Germany\nFR,France",
            "network,id\n10.0.0.0/8,1\n172.16.0.0/12,2",
            ",weight\n0,0.5\n1,0.4",
            "pattern\n*\n^a.*",
            "user,active\nanna,true\nben,false",
            "name,note\na,b",
            "name,n\na,1\nname,n\nb,2",
            "name",
        ] {
            assert!(decided(with), "{with}");
        }
    }

    #[test]
    fn a_first_row_that_looks_like_the_others_is_data() {
        for without in [
            "feature_1\nfeature_2\nfeature_3",
            "feature_0,bot,0.62\nfeature_1,bot,0.74\nfeature_2,bot,0.79",
            "10.0.0.1\n10.0.0.2",
            "1,2\n3,4",
            "DE,Germany\nFR,France\nIT,Italy",
            "a.example,block\nb.example,allow\nc.example,block",
            "anna,true\nben,false",
            "f17",
        ] {
            assert!(!decided(without), "{without}");
        }
    }
}

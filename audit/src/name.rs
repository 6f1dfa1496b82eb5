//! Names of functions: demangled, without what differs between builds of the same source (hashes, generic arguments,
//! numbers of closures), and the crate that they begin with.

/// Returns the name of a mangled symbol without hash and generic arguments. Both mangling schemes give the same name for
/// functions and methods of named types; the legacy scheme writes parameters where the other one writes arguments.
pub(crate) fn plain(mangled: &str) -> String {
    without_brackets_around_a_path(&without_arguments(&format!("{:#}", rustc_demangle::demangle(mangled))))
}

/// Removes `<..>` behind a name and `::<..>`. `<T as Trait>`, `<[T]>` and `::<impl [T]>` are places and stay.
fn without_arguments(name: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(name.len()), name);
    while let Some((before, after)) = rest.split_once('<') {
        kept.push_str(before);
        let is_turbofish = kept.ends_with("::") && !after.starts_with("impl ");
        if is_turbofish || kept.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_') {
            kept.truncate(kept.trim_end_matches(':').len());
            rest = after.split_at_checked(end_of_brackets(after)).map_or("", |(_, behind)| behind);
        } else {
            kept.push('<');
            rest = after;
        }
    }
    kept.push_str(rest);
    kept
}

/// `<own::Table>::row` of the newer scheme is `own::Table::row` in the legacy one.
fn without_brackets_around_a_path(name: &str) -> String {
    let unchanged = || name.to_owned();
    let Some(after) = name.strip_prefix('<') else { return unchanged() };
    let Some((inside, behind)) = after.split_at_checked(end_of_brackets(after)) else { return unchanged() };
    let path = inside.strip_suffix('>').unwrap_or(inside);
    let is_path = path.contains("::") && path.chars().all(|letter| letter.is_alphanumeric() || "_:".contains(letter));
    if is_path { format!("{path}{behind}") } else { unchanged() }
}

/// Returns the offset behind the `>` that closes a bracket which opened before `text`.
fn end_of_brackets(text: &str) -> usize {
    let mut depth = 1_usize;
    let mut previous = ' ';
    for (offset, letter) in text.char_indices() {
        match letter {
            '<' => depth += 1,
            // The `>` of `->` closes nothing.
            '>' if previous != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return offset + 1;
        }
        previous = letter;
    }
    text.len()
}

/// Returns the name by which two builds are compared: closures have no number in the legacy scheme, and in the other one
/// their numbers change when a closure is added before them.
pub(crate) fn comparable(function: &str) -> String {
    let mut kept = String::with_capacity(function.len());
    for (index, part) in function.split("::").enumerate() {
        if index > 0 {
            kept.push_str("::");
        }
        match part.split_once('#') {
            Some((before, _)) if part.starts_with('{') => kept.push_str(before.trim_start_matches('{')),
            _ => kept.push_str(part.trim_matches(['{', '}'])),
        }
    }
    kept
}

/// Returns what stands behind the last `::` of a path.
pub(crate) fn last_segment(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

/// Returns the crate of a function. `<T as Trait>::f` is of the crate of `T`, or of the trait's if `T` is of the standard
/// library; slices, strings and numbers are of `core`.
pub(crate) fn crate_of(name: &str) -> &str {
    let Some(inside) = name.strip_prefix('<') else { return first_segment(name) };
    let (of_type, of_trait) = match inside.split_once(" as ") {
        Some((of_type, of_trait)) => (first_segment(of_type), Some(first_segment(of_trait))),
        None => (first_segment(inside), None),
    };
    match of_trait {
        Some(of_trait) if is_std(of_type) => of_trait,
        _ => of_type,
    }
}

/// Whether this is a crate of the standard library.
pub(crate) fn is_std(name: &str) -> bool {
    ["core", "alloc", "std", "__rustc"].contains(&name)
}

fn first_segment(path: &str) -> &str {
    let path = path.trim_start_matches(['&', '*', '<', '(', '[']);
    let path =
        ["impl ", "dyn ", "mut ", "const "].iter().fold(path, |path, word| path.strip_prefix(word).unwrap_or(path));
    let end = path.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(path.len());
    match path.split_at_checked(end) {
        Some((segment, rest)) if rest.starts_with("::") => segment,
        Some((segment, _)) if segment.is_empty() || PRIMITIVES.contains(&segment) || is_parameter(segment) => "core",
        Some((segment, _)) => segment,
        None => path,
    }
}

/// Whether this is a type parameter or a placeholder: `T`, `_`.
fn is_parameter(segment: &str) -> bool {
    segment.len() == 1 && segment.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
}

/// Names of types that belong to no path.
const PRIMITIVES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16", "u32", "u64", "u128",
    "usize",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_hashes_are_no_part_of_a_name() {
        assert_eq!(plain("_ZN4main7generic17h0123456789abcdefE"), "main::generic");
        assert_eq!(plain("_RINvCs1234_4main7genericmE"), "main::generic");
        assert_eq!(without_arguments("a::f::<u8, B<fn() -> u8>>::{closure#1}"), "a::f::{closure#1}");
        assert_eq!(without_arguments("<a::B<u8> as c::D<u8>>::f::<u8>"), "<a::B as c::D>::f");
        assert_eq!(
            without_arguments("alloc::vec::Vec<T,A>::remove::assert_failed"),
            "alloc::vec::Vec::remove::assert_failed"
        );
        assert_eq!(without_brackets_around_a_path("<a::B>::f"), "a::B::f");
        assert_eq!(without_brackets_around_a_path("<a::B as c::D>::f"), "<a::B as c::D>::f");
        assert_eq!(without_arguments("core::slice::<impl [T]>::copy"), "core::slice::<impl [T]>::copy");
        assert_eq!(without_arguments("a::<broken"), "a");
    }

    #[test]
    fn closures_are_compared_without_their_number() {
        assert_eq!(comparable("a::f::{closure#3}::g"), "a::f::closure::g");
        assert_eq!(comparable("a::f::{{closure}}::g"), "a::f::closure::g");
    }

    #[test]
    fn the_crate_is_that_of_the_type_unless_the_type_is_of_the_standard_library() {
        for (name, wanted) in [
            ("own::module::f", "own"),
            ("main", "main"),
            ("<own::A as core::fmt::Display>::fmt", "own"),
            ("<alloc::vec::Vec<u8> as own::T>::f", "own"),
            ("<&mut own::A as core::fmt::Display>::fmt", "own"),
            ("<[u8]>::copy_from_slice::len_mismatch_fail", "core"),
            ("<str>::split_at", "core"),
            ("<u8 as <[_]>::to_vec_in::ConvertVec>::to_vec", "core"),
            ("<core::option::Option<u8>>::map", "core"),
        ] {
            assert_eq!(crate_of(name), wanted, "{name}");
        }
    }
}

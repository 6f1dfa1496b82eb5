//! Places that may panic, each announced by its kind; nothing else in it may.
use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;
use std::process::ExitCode;

#[inline(never)]
fn unwraps(value: Option<u32>) -> u32 {
    value.unwrap() //~ unwrap
}
#[inline(never)]
fn two_on_a_line(first: Option<u32>, second: Option<u32>) -> u32 {
    first.unwrap() ^ second.unwrap() //~ unwrap unwrap
}
#[inline(never)]
fn over_lines(value: Option<u32>) -> Option<u32> {
    value
        .map(|value| value ^ 3)
        .filter(|value| *value > 1)
        .expect("a number") //~ expect
        .checked_add(1)
}
#[inline(never)]
fn of_a_result(value: Result<u32, String>, other: Result<u32, String>) -> u32 {
    value.unwrap() //~ unwrap
        ^ other.expect("a result") //~ expect
}
#[inline(never)]
fn index(values: &[u32], at: usize) -> u32 {
    values[at] //~ index
}
#[inline(never)]
fn range(values: &[u32], from: usize, to: usize) -> &[u32] {
    &values[from..to] //~ range
}
#[inline(never)]
fn in_a_character(text: &str, at: usize) -> &str {
    &text[at..] //~ range
}
#[inline(never)]
fn adds(first: u32, second: u32) -> u32 {
    first + second //~ overflow
}
#[inline(never)]
fn divides(first: u32, second: u32) -> u32 {
    first / second //~ division
}
#[inline(never)]
fn panics(value: u32) {
    if value > 300 {
        panic!("{value} is large"); //~ panic
    }
    if value > 200 {
        panic!("it is large"); //~ panic
    }
}
#[inline(never)]
fn asserts(value: u32) {
    assert!(value != 7); //~ assertion
    assert_eq!(value & 1, 1, "odd"); //~ assertion
}
#[inline(never)]
fn never(value: u32) -> u32 {
    match value {
        1 => 3,
        2 => unimplemented! {}, //~ unimplemented
        _ => unreachable!(), //~ unreachable
    }
}
#[inline(always)]
fn helper(value: Option<u32>) -> u32 {
    value.unwrap() //~ unwrap
}
#[inline(never)]
fn inlines(value: Option<u32>) -> u32 {
    helper(value) ^ 5
}
#[inline(never)]
fn generic<T: Copy>(values: &[T], at: usize) -> T {
    values[at] //~ index
}
#[inline(never)]
fn of_a_library(values: &mut Vec<u32>, at: usize) -> u32 {
    values.remove(at) //~ library
}
#[inline(never)]
fn of_a_map(values: &HashMap<u32, u32>, key: u32) -> u32 {
    values[&key] //~ expect
}
#[inline(never)]
fn borrows(value: &RefCell<u32>) {
    *value.borrow_mut() ^= 1; //~ borrow
}
#[inline(never)]
#[track_caller]
fn at_its_caller(value: Option<u32>) -> u32 {
    value.unwrap()
}
#[inline(never)]
fn calls(value: Option<u32>) -> u32 {
    at_its_caller(value) //~ unwrap
}
#[inline(never)]
fn calls_too(value: Option<u32>) -> u32 {
    at_its_caller(value) ^ 1 //~ unwrap
}
#[inline(never)]
fn with_any_payload(value: u32) {
    if value == 77 {
        std::panic::panic_any(value); //~ panic
    }
}
#[inline(never)]
fn sums(values: &[u32]) -> u32 {
    values.iter().sum() //~ overflow
}
#[inline(never)]
fn in_a_closure(values: &[Option<u32>]) -> u32 {
    values.iter().fold(0, |sum, value| sum ^ value.unwrap()) //~ unwrap
}

fn main() -> ExitCode {
    let some = black_box(Some(1));
    let values = black_box([1, 2, 3, 4]);
    let mut found = unwraps(some) ^ two_on_a_line(some, some) ^ over_lines(some).unwrap_or(1);
    found ^= of_a_result(black_box(Ok(1)), black_box(Ok(2)));
    found ^= index(&values, black_box(1)) ^ range(&values, black_box(1), black_box(2)).len() as u32;
    found ^= in_a_character(black_box("text"), black_box(1)).len() as u32;
    found ^= adds(black_box(1), black_box(2)) ^ divides(black_box(1), black_box(2));
    panics(black_box(1));
    asserts(black_box(3));
    found ^= never(black_box(1)) ^ inlines(some) ^ generic(&values, black_box(1));
    found ^= u32::from(generic(black_box(&[1_u8, 2]), black_box(1)));
    found ^= of_a_library(black_box(&mut Vec::new()), black_box(1));
    found ^= of_a_map(black_box(&HashMap::new()), black_box(1));
    borrows(black_box(&RefCell::new(1)));
    found ^= calls(some) ^ calls_too(some) ^ in_a_closure(black_box(&[Some(1)])) ^ sums(&values);
    with_any_payload(black_box(1));
    ExitCode::from(u8::from(found == 0))
}

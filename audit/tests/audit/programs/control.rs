//! A program that does the like without a place of its own that may panic.
use std::hint::black_box;
use std::process::ExitCode;

#[inline(never)]
fn sum(values: &[u32]) -> u32 {
    values.iter().fold(0, |sum, value| sum.wrapping_add(*value))
}

#[inline(never)]
fn at(values: &[u32], index: usize) -> Option<u32> {
    values.get(index)?.checked_div(black_box(3))
}

fn main() -> ExitCode {
    let values = black_box([1, 2, 3]);
    let found = sum(&values) ^ at(&values, black_box(7)).unwrap_or(1);
    ExitCode::from(u8::from(found == 0))
}

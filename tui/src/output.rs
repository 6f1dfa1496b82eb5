//! Standard output for data. Text from outside arrives here already safe for its format: escaped by `Untrusted` in text, by
//! the serialiser in JSON, by `report::escape` in Markdown.

use crate::failure::Failure;
use std::io::{self, Write};

/// Writes `text` and makes sure that it is out.
///
/// # Errors
/// [`Failure::BrokenPipe`] when nobody reads; otherwise what the system said.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// The same for bytes.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output.write_all(bytes).and_then(|()| output.flush()).map_err(|error| match Failure::from(error) {
        Failure::Told { message, hint } => {
            Failure::Told { message: format!("cannot write the output: {message}"), hint }
        }
        gone @ Failure::BrokenPipe => gone,
    })
}

/// `value` as indented JSON with a line end.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::new)?;
    print(&(text + "\n"))
}

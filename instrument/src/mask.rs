//! The masks of this process: which rules its proxy declared, and the words of the secrets that its contents hid. What they hide is
//! decided in `firstbad_protocol::mask`.

use firstbad_protocol::mask::{self, Known};
pub(crate) use firstbad_protocol::mask::{Finder, Rules, Shown};
use std::sync::OnceLock;

/// The rules of this process; before `install`, those of firstbad.
static RULES: OnceLock<Rules> = OnceLock::new();

/// What the contents of this process hid.
static KNOWN: Known = Known::new();

/// Declares the rules of this process, once.
pub(crate) fn declare(rules: Rules) {
    let _ = RULES.set(rules);
}

fn rules() -> &'static Rules {
    static BUILTIN: Rules = Rules::BUILTIN;
    RULES.get().unwrap_or(&BUILTIN)
}

/// What may be shown of a content. The words of what is hidden are remembered, so that errors and panics which quote them hide
/// them as well.
pub(crate) fn content(bytes: &[u8]) -> Shown {
    mask::content(bytes, rules(), &KNOWN)
}

/// A message, error or label without its secrets.
pub(crate) fn message(text: &str) -> String {
    mask::message(text, rules(), &KNOWN)
}

/// Gives the parts of a panic's message without its secrets to `push`. It allocates nothing, takes no lock and does not call
/// the proxy's finder, since the panic hook calls it.
pub(crate) fn panic_message(text: &[u8], push: &mut impl FnMut(&[u8])) {
    mask::panic_message(text, rules(), &KNOWN, push);
}

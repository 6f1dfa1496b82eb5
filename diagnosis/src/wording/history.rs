//! Sentences about what is known of a version from before.

use crate::hypothesis::history::{Repeated, Returned};
use crate::wording::time::{Length, clock};
use std::fmt;

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { incident, onset, back } = self;
        write!(f, "it was the cause of incident {incident} at {} and came back at {}", clock(*onset), clock(*back))
    }
}

impl fmt::Display for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hosts, served } = self;
        write!(f, "{hosts} of the failing hosts served it well for {} before it came back", Length(*served))
    }
}

//! What versions of several configs that do harm have in common where it is their producer. How that is found is decided in
//! `evidence::producer`, what follows from it in `verdict::producers`.

/// Configs other than the named one whose versions from the same producer do harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Siblings {
    pub producer: String,
    pub others: Vec<Sibling>,
}

/// One such config: its accused versions, and the hosts that they hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sibling {
    pub config: String,
    pub versions: usize,
    pub hosts: usize,
}

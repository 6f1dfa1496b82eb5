//! The words for a load's outcome (contract.md section 1). Who loads, and what happens then, is the proxy's business.

/// What became of one attempt to make a version active in one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum LoadResult {
    /// The version is active now.
    Applied = 1,
    /// The same hash again.
    Unchanged = 2,
    /// Refused; the previous version goes on serving.
    KeptLastGood = 3,
    /// Refused, and nothing usable is active.
    Rejected = 4,
}

impl LoadResult {
    /// Every result, in wire order.
    pub const ALL: [Self; 4] = [Self::Applied, Self::Unchanged, Self::KeptLastGood, Self::Rejected];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::KeptLastGood => "kept_last_good",
            Self::Rejected => "rejected",
        }
    }

    /// The result that a word on the wire means, if any.
    #[must_use]
    pub fn from_wire(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.as_str() == word)
    }

    /// Whether the version that was offered was refused.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::KeptLastGood | Self::Rejected)
    }
}

//! What the engine numbers, and by which number: units, levels, factors, sets of dimensions, exposures. One number is never
//! another, and each is the place of its entry in a table (`indexed`).

use serde::{Deserialize, Serialize};

/// A number that is the place of an entry in a table.
pub(crate) trait Id: Copy {
    /// The id of a place; none beyond the greatest number.
    fn at(place: usize) -> Option<Self>;
    /// The place.
    fn index(self) -> usize;
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($number:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $name(pub $number);

        impl Id for $name {
            #[inline]
            fn at(place: usize) -> Option<Self> {
                <$number>::try_from(place).ok().map(Self)
            }

            #[inline]
            fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id! {
    /// A unit: the processes of one service on one host.
    UnitId(u32)
}
id! {
    /// A factor: a config, or the binary of a service.
    FactorId(u16)
}
id! {
    /// A level of a factor: a version of a config, or a binary.
    LevelId(u32)
}
id! {
    /// A set of dimensions.
    DimsId(u32)
}
id! {
    /// An exposure: a set of dimensions with the levels that are active.
    ExposureId(u32)
}

impl FactorId {
    /// The factor of no level.
    pub(crate) const NONE: Self = Self(u16::MAX);
}

impl LevelId {
    /// A level that is not known.
    pub(crate) const UNKNOWN: Self = Self(u32::MAX);
}

impl ExposureId {
    /// An exposure that must be looked up again.
    pub(crate) const STALE: Self = Self(u32::MAX);
}

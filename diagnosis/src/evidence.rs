//! One test each of a hypothesis against what is seen around an incident. What follows from them is decided in `verdict`.

pub(crate) mod aggregate;
pub(crate) mod alike;
pub(crate) mod blip;
pub(crate) mod clock;
pub(crate) mod cold;
pub(crate) mod combine;
pub(crate) mod content;
pub(crate) mod delayed;
pub(crate) mod feed;
pub(crate) mod finished;
pub(crate) mod moment;
pub(crate) mod narrow;
pub(crate) mod other_loads;
pub(crate) mod place;
pub(crate) mod pooled;
pub(crate) mod producer;
pub(crate) mod property;
pub(crate) mod returned;
pub(crate) mod riskset;
pub(crate) mod shares;
pub(crate) mod sides;
pub(crate) mod stale;
pub(crate) mod step;
pub(crate) mod tally;
pub(crate) mod timing;
pub(crate) mod uses;

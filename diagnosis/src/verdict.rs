//! Who is accused of an incident, and what becomes of it.

pub(crate) mod asked;
pub(crate) mod course;
pub(crate) mod good;
pub(crate) mod hypotheses;
pub(crate) mod incident;
pub(crate) mod judge;

//! Who is accused of an incident, and what becomes of it.

pub(crate) mod accusation;
pub(crate) mod asked;
pub(crate) mod cases;
pub(crate) mod claims;
pub(crate) mod cost;
pub(crate) mod course;
pub(crate) mod feeds;
pub(crate) mod good;
pub(crate) mod hypotheses;
pub(crate) mod incident;
pub(crate) mod judge;
pub(crate) mod one_to_one;
pub(crate) mod producers;
pub(crate) mod refusal;
pub(crate) mod repeated;
pub(crate) mod review;
pub(crate) mod small_fleet;
pub(crate) mod ties;

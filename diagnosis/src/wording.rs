//! What is said of an incident and its suspects. Who is accused is decided in `verdict`.

pub(crate) mod facts;
pub(crate) mod feed;
pub(crate) mod history;
pub(crate) mod producer;
pub(crate) mod time;
pub(crate) mod words;

//! Incidents in writing: `markdown` for a ticket or a postmortem, `text` for a terminal. Both say what the screen says, in
//! the words of `facts`; the verdict's sentence is that of `protocol::sentence`.

mod escape;
pub(crate) mod markdown;
mod sections;
pub(crate) mod text;
mod timeline;

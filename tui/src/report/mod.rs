//! Incidents in writing: `markdown` for a ticket or a postmortem, `html` for a browser, `text` for a terminal. All say what the screen says, in
//! the words of `facts`; the verdict's sentence is that of `protocol::sentence`.

mod escape;
pub(crate) mod html;
pub(crate) mod markdown;
mod sections;
pub(crate) mod text;
mod timeline;

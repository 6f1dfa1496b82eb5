//! For Pingora's proxies: [`Ctx`] as `ProxyHttp::CTX` counts a request once, also one that panics. There `logging()`, the
//! documented place for metrics, is skipped and the client sees a closed connection; the context is dropped all the same. No
//! crate of Pingora's is needed for it. `bench/pingora` runs it in two real proxies.
//!
//! ```
//! use firstbad_instrument::pingora::Ctx;
//! use firstbad_instrument::{Live, Outcome};
//!
//! static FEATURES: Live<Vec<String>> = Live::new("bot-features");
//!
//! struct MyCtx {
//!     bytes: u64,
//! }
//!
//! // type CTX = Ctx<MyCtx>;
//! // fn new_ctx(&self) -> Self::CTX
//! let mut ctx = Ctx::new(MyCtx { bytes: 0 });
//! // In a phase: `ctx` is the proxy's own context, and knows which versions the request uses.
//! ctx.bytes += 1;
//! if let Some(features) = ctx.pin(&FEATURES) {
//!     println!("{} features", features.len());
//! }
//! // In logging(), with the status that was sent and whether there was an error:
//! ctx.finish(Outcome::of_status(Some(200), false));
//! ```

use crate::live::{Live, Pin};
use crate::request::{TAGS_MAX, count_uses, note_use};
use crate::tag::{Outcome, Tag};
use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// A proxy's own context `T`, and the request under way: counted by [`Self::finish`] in `logging()`, or with outcome `panic`
/// when it is dropped by one. A request that ends in neither way counts nothing.
///
/// ```
/// use firstbad_instrument::pingora::Ctx;
/// use firstbad_instrument::{Config, Origin, Outcome, record_load};
///
/// static RULES: Config = Config::new("waf-rules");
///
/// let tag = record_load(&RULES, b"a\n", &Origin::new(), Ok(()));
/// let mut ctx = Ctx::new(());
/// ctx.uses(tag);
/// ctx.finish(Outcome::of_status(Some(200), false));
/// ```
#[derive(Debug)]
pub struct Ctx<T> {
    own: T,
    tags: [Tag; TAGS_MAX],
    finished: bool,
}

impl<T> Ctx<T> {
    /// A request that has used nothing so far.
    pub const fn new(own: T) -> Self {
        Self { own, tags: [Tag::NONE; TAGS_MAX], finished: false }
    }

    /// The request uses this version. The same tag twice counts once.
    pub fn uses(&mut self, tag: Tag) {
        note_use(Cell::from_mut(&mut self.tags[..]).as_slice_of_cells(), tag);
    }

    /// Pins the active version of `live` and counts this request under it. The guard must not be held across an await; the
    /// request stays counted under the version.
    #[must_use]
    pub fn pin<V>(&mut self, live: &Live<V>) -> Option<Pin<V>> {
        let pin = live.pin()?;
        pin.disarm();
        self.uses(pin.tag());
        Some(pin)
    }

    /// Counts the request, once.
    pub fn finish(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        count_uses(outcome, self.tags.iter().copied());
    }
}

impl<T> Deref for Ctx<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.own
    }
}

impl<T> DerefMut for Ctx<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.own
    }
}

impl<T> Drop for Ctx<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.finish(Outcome::Panic);
        }
    }
}

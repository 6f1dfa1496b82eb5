//! The request that a layer works on, for as long as one poll or call of it runs on this thread, and the versions that it has
//! used. The panic hook asks here which version was used; when a request counts, and as what, is decided in `tower`.

use crate::raw::Words;
use crate::request::TAGS_MAX;
use crate::table;
use crate::tag::{self, Tag};
use std::cell::Cell;

/// The versions that a request has used, in the order of their first use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tags {
    used: usize,
    tags: [Tag; TAGS_MAX],
}

impl Tags {
    /// No version used.
    pub(crate) const NONE: Self = Self { used: 0, tags: [Tag::NONE; TAGS_MAX] };

    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = Tag> {
        self.tags.iter().take(self.used).copied()
    }
}

struct Current {
    open: Cell<bool>,
    used: Cell<usize>,
    tags: [Cell<Tag>; TAGS_MAX],
}

thread_local! {
    /// Without a destructor, so that it can be used to the thread's very end, also in a panic.
    static CURRENT: Current = const {
        Current { open: Cell::new(false), used: Cell::new(0), tags: [const { Cell::new(Tag::NONE) }; TAGS_MAX] }
    };
}

impl Current {
    #[inline]
    fn iter(&self) -> impl DoubleEndedIterator<Item = Tag> + ExactSizeIterator {
        self.tags.iter().take(self.used.get()).map(Cell::get)
    }

    #[inline]
    fn uses(&self, tag: Tag) {
        if tag.is_none() || self.iter().any(|known| known == tag) {
            return;
        }
        let used = self.used.get();
        match self.tags.get(used) {
            Some(place) => {
                place.set(tag);
                self.used.set(used + 1);
            }
            None => tag::count_dropped(),
        }
    }
}

/// Whether this thread works on a request of a layer.
#[inline]
pub(crate) fn is_open() -> bool {
    CURRENT.with(|current| current.open.get())
}

/// This thread works on the request that has used `tags`, until [`close`].
#[inline]
pub(crate) fn open(tags: &Tags) {
    CURRENT.with(|current| {
        current.open.set(true);
        current.used.set(tags.used);
        for (place, tag) in current.tags.iter().zip(tags.iter()) {
            place.set(tag);
        }
    });
}

/// This thread does so no longer. Writes the versions that the request has used by now to `tags`.
#[inline]
pub(crate) fn close(tags: &mut Tags) {
    CURRENT.with(|current| {
        // Those that it had used before are there already.
        for (tag, used) in tags.tags.iter_mut().zip(current.iter()).skip(tags.used) {
            *tag = used;
        }
        tags.used = current.used.replace(0);
        current.open.set(false);
    });
}

/// Notes that the request uses a version. Returns whether this thread works on a request.
#[inline]
pub(crate) fn note(tag: Tag) -> bool {
    CURRENT.with(|current| {
        let open = current.open.get();
        if open {
            current.uses(tag);
        }
        open
    })
}

/// Key of the version of the config at `config` that the request used last; 0 if it used none.
pub(crate) fn used_of(words: Words, config: usize) -> u64 {
    CURRENT.with(|current| {
        current.iter().rev().find(|tag| table::config_of(words, tag.0) == config).map_or(0, |tag| tag.0)
    })
}

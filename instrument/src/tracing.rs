//! Bridge to `tracing`: a layer that stamps the span around an ERROR event with the versions that the request entered, so
//! that the error line names the input. It adds no span and no event of its own, and it records each value once in a span:
//! a layer that writes spans, such as `fmt`, repeats all values of a span in every line, so the log would grow with the
//! square of the errors.
//!
//! ```
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! let subscriber = tracing_subscriber::registry().with(firstbad_instrument::tracing::layer());
//! tracing::subscriber::with_default(subscriber, || {
//!     // A span that has the field is stamped when an ERROR event comes.
//!     let _span = tracing::info_span!("request", firstbad.config.active = tracing::field::Empty).entered();
//!     tracing::error!("no such feature");
//! });
//! ```

use crate::{hook, recorder, table};
use firstbad_protocol::recorder::layout;
use std::fmt::Write;
use std::sync::OnceLock;
use tracing::dispatcher::WeakDispatch;
use tracing::field::Field;
use tracing::span::{Id, Record};
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// Field that a span declares to be stamped: `info_span!("request", firstbad.config.active = tracing::field::Empty)`.
///
/// Its value is a list `name=sha256:..`, separated by commas. It holds the versions that the thread entered
/// ([`Tag::enter`](crate::Tag::enter), [`Tag::wrap`](crate::Tag::wrap)) and no others. Where the thread entered none, it holds
/// those that are active, which a request that began before a swap may not have used.
pub const FIELD: &str = firstbad_protocol::names::attribute::CONFIG_ACTIVE;

/// Distinct values that one span is stamped with (chosen: a request meets one or two). A span that outlives more versions gets
/// [`MORE`] once, and nothing after that.
const VALUES_MAX: usize = 8;

/// Last value of a span that met more than [`VALUES_MAX`] others.
const MORE: &str = "(more versions)";

/// The layer. It goes before the one that writes: `registry().with(firstbad_instrument::tracing::layer()).with(fmt::layer())`.
#[must_use]
pub fn layer() -> TagLayer {
    TagLayer { dispatch: OnceLock::new() }
}

/// See [`layer`].
#[derive(Debug)]
pub struct TagLayer {
    dispatch: OnceLock<WeakDispatch>,
}

/// What a thread uses: by place of the config, the key of its version; 0 for none.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Used([u64; layout::CONFIGS_MAX]);

/// What a span is stamped with already; kept in the span's extensions.
#[derive(Default)]
struct Stamped {
    values: [Option<Used>; VALUES_MAX],
    full: bool,
}

/// What to do about one event.
enum Stamp {
    New,
    Known,
    More,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for TagLayer {
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        let _ = self.dispatch.set(subscriber.downgrade());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let Some(dispatch) = self.dispatch.get().and_then(WeakDispatch::upgrade) else { return };
        // The nearest span that asks for it; its own word, so that the layers which write spans take it as any other.
        let asks = |span: &SpanRef<'_, S>| span.metadata().fields().field(FIELD).is_some();
        let Some(span) = context.event_scope(event).into_iter().flatten().find(asks) else { return };
        let Some(field) = span.metadata().fields().field(FIELD) else { return };
        let Some(used) = Used::now() else { return };
        match stamp(&span, used) {
            Stamp::Known => {}
            Stamp::New => record(&dispatch, &span.id(), &field, &used.text()),
            Stamp::More => record(&dispatch, &span.id(), &field, MORE),
        }
    }
}

/// Notes that `span` is stamped with `used`. The extensions are free again before anything is recorded: the layer that
/// writes spans needs them.
fn stamp<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, used: Used) -> Stamp {
    let mut extensions = span.extensions_mut();
    if extensions.get_mut::<Stamped>().is_none() {
        extensions.insert(Stamped::default());
    }
    let Some(stamped) = extensions.get_mut::<Stamped>() else { return Stamp::Known };
    if stamped.full || stamped.values.contains(&Some(used)) {
        return Stamp::Known;
    }
    match stamped.values.iter_mut().find(|value| value.is_none()) {
        Some(free) => {
            *free = Some(used);
            Stamp::New
        }
        None => {
            stamped.full = true;
            Stamp::More
        }
    }
}

fn record(dispatch: &Dispatch, span: &Id, field: &Field, value: &str) {
    let value: &dyn tracing::field::Value = &value;
    let pairs = [(field, Some(value))];
    dispatch.record(span, &Record::new(&field_set(field).value_set(&pairs)));
}

impl Used {
    /// What this thread entered or its request uses, or, if that is nothing, what is active; none if there is no version at all.
    fn now() -> Option<Self> {
        let words = recorder::words()?;
        let of = |key: &dyn Fn(usize) -> u64| {
            let mut keys = [0; layout::CONFIGS_MAX];
            for (place, held) in keys.iter_mut().enumerate().take(table::configs_entered()) {
                *held = key(place);
            }
            Some(Self(keys)).filter(|used| used.0.iter().any(|key| *key != 0))
        };
        of(&|place| hook::used_key(words, place)).or_else(|| of(&|place| table::active_at(words, place)))
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let Some(words) = recorder::words() else { return text };
        for (place, key) in self.0.iter().enumerate() {
            let Some((name, hash)) = table::name_and_hash(words, place, *key) else { continue };
            let separator = if text.is_empty() { "" } else { "," };
            let _ = write!(text, "{separator}{name}={hash}");
        }
        text
    }
}

/// The set of fields that `field` belongs to.
fn field_set(field: &Field) -> tracing::field::FieldSet {
    tracing::field::FieldSet::new(FIELDS, field.callsite())
}

static FIELDS: &[&str] = &[FIELD];

//! Bridge to `tracing`: a layer that stamps the span around an ERROR event with the versions that are active, so that the
//! error line names the input. It adds no span and no event of its own.
//!
//! ```
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! let subscriber = tracing_subscriber::registry().with(firstbad_instrument::tracing::layer());
//! tracing::subscriber::with_default(subscriber, || {
//!     // A span that has the field is stamped with what is active when an ERROR event comes.
//!     let _span = tracing::info_span!("request", firstbad.config.active = tracing::field::Empty).entered();
//!     tracing::error!("no such feature");
//! });
//! ```

use crate::table::active_versions;
use std::fmt::Write;
use std::sync::OnceLock;
use tracing::dispatcher::WeakDispatch;
use tracing::span::Record;
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Field that a span declares to be stamped: `info_span!("request", firstbad.config.active = tracing::field::Empty)`.
pub const FIELD: &str = firstbad_protocol::names::attribute::CONFIG_ACTIVE;

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

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for TagLayer {
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        let _ = self.dispatch.set(subscriber.downgrade());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let Some(dispatch) = self.dispatch.get().and_then(WeakDispatch::upgrade) else { return };
        let scope = context.event_scope(event);
        // The nearest span that asks for it; its own word, so that the layers which write spans take it as any other.
        let wanted =
            scope.into_iter().flatten().find_map(|span| Some((span.id(), span.metadata().fields().field(FIELD)?)));
        let Some((id, field)) = wanted else { return };
        let mut active = String::new();
        for (name, hash) in active_versions() {
            let separator = if active.is_empty() { "" } else { "," };
            let _ = write!(active, "{separator}{name}={hash}");
        }
        let value: &dyn tracing::field::Value = &active;
        let pairs = [(&field, Some(value))];
        dispatch.record(&id, &Record::new(&field_set(&field).value_set(&pairs)));
    }
}

/// The set of fields that `field` belongs to.
fn field_set(field: &tracing::field::Field) -> tracing::field::FieldSet {
    tracing::field::FieldSet::new(FIELDS, field.callsite())
}

static FIELDS: &[&str] = &[FIELD];

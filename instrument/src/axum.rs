//! For axum: [`Uses`] hands a handler the active version of a [`Live`], for the whole of the request, and counts the request under
//! it. [`crate::tower::Layer`] on the router counts.
//!
//! ```
//! use axum::Router;
//! use axum::routing::get;
//! use firstbad_instrument::axum::Uses;
//! use firstbad_instrument::{Live, tower};
//!
//! type Rules = Vec<String>;
//! static RULES: Live<Rules> = Live::new("rules");
//!
//! async fn count(rules: Uses<Rules>) -> String {
//!     format!("{} rules of version {:?}", rules.len(), rules.tag().hash())
//! }
//!
//! let router: Router = Router::new().route("/", get(count)).layer(tower::Layer::new()).with_state(&RULES);
//! ```
//!
//! The state says where the form `T` is: it is a `&'static Live<T>`, or has one (`#[derive(FromRef)]`). For one of several
//! configs of the same form, such as a zone's, call [`crate::tower::pin`] in the handler.
//!
//! Without a layer the request counts under a [`SharedRequest`] among its extensions, if there is one, and otherwise not at all.

use crate::live::{Live, Version};
use crate::request::SharedRequest;
use crate::tag::Tag;
use crate::tower;
use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The version that was active when the request came to its handler. Derefs to the parsed form, and may be held across awaits
/// and handed to tasks; a load does not change it. `Option<Uses<T>>` for a handler that can do without.
///
/// ```
/// use firstbad_instrument::axum::Uses;
///
/// /// `Option`: the handler also answers before the first load.
/// async fn count(rules: Option<Uses<Vec<String>>>) -> String {
///     rules.map_or_else(|| "nothing is loaded".to_owned(), |rules| format!("{} rules", rules.len()))
/// }
/// # let _ = count;
/// ```
#[derive(Debug)]
pub struct Uses<T>(Arc<Version<T>>);

impl<T> Uses<T> {
    /// The tag of the version.
    #[must_use]
    pub fn tag(&self) -> Tag {
        self.0.tag()
    }
}

impl<T> Clone for Uses<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Uses<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0.value
    }
}

/// No version of a config was ever loaded: answers with status 503.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotLoaded {
    /// Name of the config.
    pub config: String,
}

impl fmt::Display for NotLoaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no version of {} is loaded", self.config)
    }
}

impl std::error::Error for NotLoaded {}

impl IntoResponse for NotLoaded {
    fn into_response(self) -> Response {
        // Which configs there are is no concern of a client's.
        (StatusCode::SERVICE_UNAVAILABLE, "not ready").into_response()
    }
}

impl<T, S> FromRequestParts<S> for Uses<T>
where
    T: Send + Sync + 'static,
    S: Send + Sync,
    &'static Live<T>: FromRef<S>,
{
    type Rejection = NotLoaded;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NotLoaded> {
        let live = <&'static Live<T>>::from_ref(state);
        let version = live.version().ok_or_else(|| NotLoaded { config: live.config().name().to_owned() })?;
        if let Some(request) = parts.extensions.get::<SharedRequest>() {
            request.uses(version.tag());
        } else {
            tower::uses(version.tag());
        }
        Ok(Self(version))
    }
}

impl<T, S> OptionalFromRequestParts<S> for Uses<T>
where
    T: Send + Sync + 'static,
    S: Send + Sync,
    &'static Live<T>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Infallible> {
        Ok(<Self as FromRequestParts<S>>::from_request_parts(parts, state).await.ok())
    }
}

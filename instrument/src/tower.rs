//! For tower's services (axum, hyper, tonic, and all that is built on them): [`Layer`] counts each request once, in the total and
//! under each version that its handler used, without a box and without an allocation.
//!
//! ```
//! use firstbad_instrument::{Live, Origin};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! static RULES: Live<Vec<String>> = Live::new("rules");
//!
//! // In the handler, in whatever depth: the request uses the version that is active now.
//! async fn handle(request: http::Request<()>) -> Result<http::Response<()>, http::Error> {
//!     let blocked = match firstbad_instrument::tower::pin(&RULES) {
//!         Some(rules) => rules.iter().any(|rule| request.uri().path().starts_with(rule.as_str())),
//!         None => false,
//!     };
//!     http::Response::builder().status(if blocked { 403 } else { 200 }).body(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let recorder = firstbad_instrument::init().service("edge").for_tests().try_install()?;
//! let parse = |bytes: &[u8]| std::str::from_utf8(bytes).map(|text| text.lines().map(str::to_owned).collect());
//! RULES.load_bytes(b"/private\n", &Origin::new(), parse).applied()?;
//! let service = ServiceBuilder::new().layer(firstbad_instrument::tower::Layer::new()).service(service_fn(handle));
//! let answer = service.oneshot(http::Request::get("/private/a").body(())?).await?;
//! assert_eq!(answer.status(), 403);
//! assert_eq!(firstbad_instrument::testing::outcomes_of(RULES.tag()).unwrap().denied, 1);
//! # Ok(())
//! # }
//! ```
//!
//! | the request | counts as |
//! |---|---|
//! | is answered | what [`Outcome::of_status`] says of the status: `denied` for 400 to 499, `error` for 500 and above. A body that fails later is not seen |
//! | ends with the error of the service | `error` |
//! | panics, in a call or a poll | `panic`. The panic is not stopped: it unwinds on, to whoever catches it outside |
//! | is dropped before its end: the client went away, or a timeout outside cut it off | `error`, since the client got no answer; or what [`Layer::dropped_as`] says |
//! | finds the service not ready (`poll_ready` fails) | nothing: there is no request yet |
//!
//! **Where it stands.** Outside of what answers for a handler (timeouts, limits, a layer that makes an answer of a panic would hide
//! the panic: that one stands outside of this), and inside of what moves requests to another task (`tower::buffer`). With two
//! layers in one stack, the outer one counts.
//!
//! **Tasks.** What the handler's own future polls is in the request's scope. A task that it spawns is not: let it run in
//! [`Tag::wrap`], and declare in the handler, with [`uses`], what it uses. If it makes its own choice of versions, it can return
//! its tag.

mod counting;

use crate::current;
use crate::live::{self, Live};
use crate::tag::{self, Outcome, Tag};
use std::task::{Context, Poll};

pub use counting::ResponseFuture;

/// What the answer of a service counts as. Implemented by [`ByStatus`], and by functions of the answer.
pub trait Classify<R> {
    /// The outcome of a request with this answer.
    fn outcome(&self, response: &R) -> Outcome;
}

/// By the HTTP status, as [`Outcome::of_status`] says.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByStatus;

impl<B> Classify<http::Response<B>> for ByStatus {
    #[inline]
    fn outcome(&self, response: &http::Response<B>) -> Outcome {
        Outcome::of_status(Some(response.status().as_u16()), false)
    }
}

impl<R, F: Fn(&R) -> Outcome> Classify<R> for F {
    fn outcome(&self, response: &R) -> Outcome {
        self(response)
    }
}

/// Makes a [`Service`] of a service; see the [module](self).
///
/// ```
/// use firstbad_instrument::Outcome;
/// use firstbad_instrument::tower::Layer;
///
/// // A client that goes away is no failure of this service.
/// let layer = Layer::new().dropped_as(Some(Outcome::Ok));
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct Layer<C = ByStatus> {
    classify: C,
    dropped_as: Option<Outcome>,
}

impl Layer {
    /// A layer for services that answer with an [`http::Response`].
    pub const fn new() -> Self {
        Self::by(ByStatus)
    }
}

impl Default for Layer {
    fn default() -> Self {
        Self::new()
    }
}

impl<C> Layer<C> {
    /// A layer that asks `classify` what an answer counts as: for services without HTTP, and for answers whose status says too
    /// little.
    ///
    /// ```
    /// use firstbad_instrument::Outcome;
    /// use firstbad_instrument::tower::Layer;
    ///
    /// // gRPC answers an error with status 200 and the header `grpc-status`.
    /// let layer = Layer::by(|response: &http::Response<()>| match response.headers().get("grpc-status") {
    ///     Some(status) if status != "0" => Outcome::Error,
    ///     _ => Outcome::of_status(Some(response.status().as_u16()), false),
    /// });
    /// ```
    pub const fn by(classify: C) -> Self {
        Self { classify, dropped_as: Some(Outcome::Error) }
    }

    /// What a request counts as whose future is dropped before its end (default [`Outcome::Error`]); with `None` it is not
    /// counted. A layer cannot tell a client that went away from a timeout outside that cut the handler off.
    pub const fn dropped_as(mut self, outcome: Option<Outcome>) -> Self {
        self.dropped_as = outcome;
        self
    }
}

impl<S, C: Clone> tower_layer::Layer<S> for Layer<C> {
    type Service = Service<S, C>;

    fn layer(&self, inner: S) -> Service<S, C> {
        Service { inner, layer: self.clone() }
    }
}

/// A service whose requests are counted; made by [`Layer`].
#[derive(Clone, Copy, Debug)]
pub struct Service<S, C = ByStatus> {
    inner: S,
    layer: Layer<C>,
}

impl<S, C, R> tower_service::Service<R> for Service<S, C>
where
    S: tower_service::Service<R>,
    C: Classify<S::Response> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, request: R) -> Self::Future {
        ResponseFuture::start(self.layer.clone(), || self.inner.call(request))
    }
}

/// The request that this thread works on uses this version: it counts under it, and a panic in any of its further polls as well. The
/// same tag twice counts once; more than eight are counted as dropped, as are those outside of a request.
///
/// ```
/// use firstbad_instrument::{Config, tower};
///
/// static RULES: Config = Config::new("waf-rules");
///
/// /// A handler that keeps its rules elsewhere, with their tag.
/// async fn handle(request: http::Request<()>) -> http::Response<()> {
///     tower::uses(RULES.active());
///     http::Response::new(request.into_body())
/// }
/// # let _ = handle;
/// ```
pub fn uses(tag: Tag) {
    if !current::note(tag) {
        tag::count_dropped();
    }
}

/// Pins the active version of `live`; the request that this thread works on uses it. Outside of a request it is [`Live::pin`].
/// A handler that awaits while it holds the guard makes loads of this thread's other requests slower; see [`Live::pin`].
#[must_use]
pub fn pin<T>(live: &Live<T>) -> Option<live::Pin<T>> {
    let pin = live.pin()?;
    if current::note(pin.tag()) {
        pin.disarm();
    }
    Some(pin)
}

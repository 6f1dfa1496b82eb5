//! One request of a layer: counted once, when its answer is ready, its service fails, it panics, or its future is dropped.

use super::{Classify, Layer};
use crate::current::{self, Tags};
use crate::tag::{self, Outcome};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of a [`Service`](super::Service): that of the service within, in place, and the versions that its request uses.
    #[derive(Debug)]
    #[must_use = "a future does nothing unless it is polled"]
    pub struct ResponseFuture<F, C> {
        // Dropped before `counting`: a pin in it that a panic drops then stands for this request.
        #[pin]
        inner: F,
        counting: Counting<C>,
    }
}

impl<F, C> ResponseFuture<F, C> {
    /// Starts a request with `call`, in which the service may use versions already.
    pub(super) fn start(layer: Layer<C>, call: impl FnOnce() -> F) -> Self {
        // Within another layer of the same task, the request is that layer's.
        let mut counting = Counting { layer, tags: Tags::NONE, due: !current::is_open() };
        Self { inner: counting.run(call), counting }
    }
}

impl<F, C, R, E> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<R, E>>,
    C: Classify<R>,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.counting.run(|| this.inner.poll(context));
        if let Poll::Ready(result) = &polled {
            this.counting.answered(result);
        }
        polled
    }
}

#[derive(Debug)]
struct Counting<C> {
    layer: Layer<C>,
    tags: Tags,
    /// Whether the request is still to be counted here.
    due: bool,
}

impl<C> Counting<C> {
    /// Runs a part of the request. A panic in it counts the request and goes on.
    #[inline]
    fn run<R>(&mut self, part: impl FnOnce() -> R) -> R {
        if !self.due {
            return part();
        }
        current::open(&self.tags);
        let mut running = Running { counting: self, returned: false };
        let result = part();
        running.returned = true;
        result
    }

    fn answered<R, E>(&mut self, result: &Result<R, E>)
    where
        C: Classify<R>,
    {
        if self.due {
            self.count(result.as_ref().map_or(Outcome::Error, |response| self.layer.classify.outcome(response)));
        }
    }

    #[inline]
    fn count(&mut self, outcome: Outcome) {
        self.due = false;
        tag::record_total(outcome);
        self.tags.iter().for_each(|tag| tag::record_of_request(tag, outcome));
    }

    #[cold]
    fn panicked(&mut self) {
        self.count(Outcome::Panic);
    }
}

impl<C> Drop for Counting<C> {
    fn drop(&mut self) {
        let outcome = if std::thread::panicking() { Some(Outcome::Panic) } else { self.layer.dropped_as };
        if let Some(outcome) = outcome.filter(|_| self.due) {
            self.count(outcome);
        }
    }
}

/// A part of a request that runs on this thread.
struct Running<'a, C> {
    counting: &'a mut Counting<C>,
    returned: bool,
}

impl<C> Drop for Running<'_, C> {
    #[inline]
    fn drop(&mut self) {
        current::close(&mut self.counting.tags);
        if !self.returned {
            self.counting.panicked();
        }
    }
}

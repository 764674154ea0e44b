use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::response::DynamicResponse;
use crate::client::refusal::Refusal;

/// The handle with which any thread responds to a request. Made by [`DynamicResponse::deferred`].
///
/// Dropping it without a response refuses the request with
/// [`Refusal::Stopped`](crate::Refusal::Stopped).
pub struct Responder(oneshot::Sender<DynamicResponse>);

/// The response of a [`Responder`], to be awaited by the service.
#[must_use = "the request gets its response when this is awaited"]
pub struct Deferred(oneshot::Receiver<DynamicResponse>);

impl DynamicResponse {
    /// Returns a handle that responds later, from any thread, and the response to await.
    ///
    /// While the service awaits it, the request counts as running: the limits of handlers, the
    /// handler's timeout, cancellation and the endpoint's grace apply as to any handler.
    ///
    /// ```
    /// use rpcudp::contract::Method;
    /// use rpcudp::dynamic::{RawArguments, Responder};
    /// use rpcudp::{Call, Context, DynamicMethod, DynamicResponse, DynamicService, Endpoint};
    /// use std::sync::mpsc;
    ///
    /// /// Passes requests to a thread that handles them in batches.
    /// struct Queue(mpsc::Sender<Responder>);
    ///
    /// impl DynamicService for Queue {
    ///     fn name(&self) -> &str {
    ///         "Queue"
    ///     }
    ///     fn methods(&self) -> Vec<Method> {
    ///         vec![Method::named("next")]
    ///     }
    ///     async fn call(&self, _: &Context, _: &str, _: RawArguments<'_>) -> DynamicResponse {
    ///         let (responder, response) = DynamicResponse::deferred();
    ///         let _ = self.0.send(responder);
    ///         response.await
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (send, requests) = mpsc::channel::<Responder>();
    /// std::thread::spawn(move || {
    ///     for (number, responder) in requests.into_iter().enumerate() {
    ///         responder.respond(DynamicResponse::value(&number));
    ///     }
    /// });
    /// let server = Endpoint::builder().serve_dynamic(Queue(send)).bind("127.0.0.1:0").await?;
    /// # let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// # let next = || -> Call<u64> { DynamicMethod::new("next").call(&endpoint, server.local_addr(), &[(); 0]) };
    /// # assert_eq!((next().await?, next().await?), (0, 1));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "the request gets its response when the second is awaited"]
    pub fn deferred() -> (Responder, Deferred) {
        let (send, receive) = oneshot::channel();
        (Responder(send), Deferred(receive))
    }
}

impl Responder {
    /// Responds to the request. Does nothing if the request has ended.
    pub fn respond(self, response: DynamicResponse) {
        // The service is gone: the request was cancelled, took too long, or the endpoint closed.
        let _ = self.0.send(response);
    }

    /// Returns whether the request has ended, so that a response is ignored: its caller has
    /// cancelled it, it took longer than the endpoint allows, or the endpoint has closed.
    ///
    /// Always `false` while the service awaits the response of an `at_most_once` method. The
    /// service's [`Context`](crate::Context) shows whether its caller has cancelled it.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.0.is_closed()
    }

    /// Completes when the request [has ended](Self::has_ended).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it may be dropped and called again.
    pub async fn ended(&mut self) {
        self.0.closed().await;
    }
}

impl Future for Deferred {
    type Output = DynamicResponse;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<DynamicResponse> {
        let response = Pin::new(&mut self.0).poll(cx);
        response.map(|response| response.unwrap_or_else(|_| DynamicResponse::refusal(Refusal::Stopped)))
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("has_ended", &self.has_ended()).finish()
    }
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deferred")
    }
}

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcudp_core::contract::Delivery;
use rpcudp_core::{DropReason, MessageId};
use rpcudp_transport::Datagram;

use crate::Endpoint;
use crate::endpoint::send_queue::Leave;
use crate::endpoint::shared::{Shared, now};

/// Who sent the request that a handler answers, and through which endpoint it came.
///
/// A method that wants it has a parameter `cx: &Context`; callers do not see that parameter. A handler can call its
/// caller back:
///
/// ```
/// use rpcudp::{CallError, Context, rpc_service};
///
/// #[rpc_service]
/// trait Peer {
///     async fn greet(&self, cx: &Context) -> String;
///     fn name(&self) -> String;
/// }
///
/// struct Node(&'static str);
///
/// impl Peer for Node {
///     async fn greet(&self, cx: &Context) -> String {
///         let caller = PeerClient::new(cx, cx.sender());
///         match caller.name().await {
///             Ok(name) => format!("Hello {name}"),
///             Err(_) => "Hello stranger".into(),
///         }
///     }
///     fn name(&self) -> String {
///         self.0.into()
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bind = |name| rpcudp::Endpoint::builder().serve(PeerServer::new(Node(name))).bind("127.0.0.1:0").into_future();
/// # use std::future::IntoFuture;
/// # let (one, other) = (bind("one").await?, bind("other").await?);
/// # assert_eq!(PeerClient::new(&one, other.local_addr()).greet().await?, "Hello one");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) shared: Arc<Shared>,
    /// Which of the endpoint's sockets it came to.
    pub(crate) socket: usize,
    pub(crate) sender: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    pub(crate) id: MessageId,
    /// When the caller gives up, if it said so.
    pub(crate) deadline: Option<Instant>,
}

impl Context {
    /// The address that the request came from. UDP lets a sender claim any; an answer proves that it is there.
    #[must_use]
    pub fn sender(&self) -> SocketAddr {
        self.sender
    }

    /// The address that the request was sent to, as far as the system says: on a host with several addresses, the one
    /// that the answer leaves from.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        let bound = self.shared.local_addr;
        SocketAddr::new(self.local.unwrap_or_else(|| bound.ip()), bound.port())
    }

    /// The id of the request, which its sender chose: the same in every copy of it.
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        self.id
    }

    /// The endpoint that the request came to.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(&self.shared)
    }

    /// How long the caller still waits, if it said so: this crate's callers do, Python's do not.
    ///
    /// How long the request was under way is not known, so that it may be less. A client that is made
    /// [with this context](crate::Client::new) waits no longer than this.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(now()))
    }

    /// Waits until the caller has given up: whatever is answered after that reaches nobody. For ever, where the caller did
    /// not say how long it waits.
    ///
    /// ```
    /// use rpcudp::{Context, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Search {
    ///     async fn search(&self, cx: &Context, text: String) -> Vec<String>;
    /// }
    ///
    /// struct Library;
    ///
    /// impl Search for Library {
    ///     async fn search(&self, cx: &Context, text: String) -> Vec<String> {
    ///         tokio::select! {
    ///             found = look_everywhere(text) => found,
    ///             () = cx.deadline_passed() => Vec::new(),
    ///         }
    ///     }
    /// }
    /// # async fn look_everywhere(text: String) -> Vec<String> { vec![text] }
    /// ```
    pub async fn deadline_passed(&self) {
        match self.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    }

    /// Notes that the caller had given up before its request's turn came: it was not run, and no copy of it is.
    pub(crate) fn expired(&self, delivery: Delivery) {
        self.shared.counters.dropped(DropReason::Expired);
        if delivery == Delivery::AtMostOnce {
            self.shared.stored_responses().finish(now(), self.sender, self.id, b"");
        }
    }

    /// Sends the answer to this request, if there is one.
    pub(crate) fn answer(&self, answer: &[u8]) {
        if answer.is_empty() {
            return;
        }
        let shared = &self.shared;
        if shared.config.limits.applies_to(self.sender)
            && !shared.limiter().admit_response(self.sender, answer.len(), now())
        {
            return shared.counters.dropped(DropReason::ResponseBudget);
        }
        let datagram = Datagram { destination: self.sender, source: self.local, contents: answer };
        // Others that run will soon have answers too.
        let leave = if self.shared.handlers.running() > 1 { Leave::WithOthers } else { Leave::Alone };
        self.shared.outboxes.at(self.socket).post_answer(datagram, leave);
    }
}

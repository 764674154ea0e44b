use std::time::Duration;

use rpcudp_core::limits::MAX_RESPONSE_BODY_LEN;
use rpcudp_core::{Dialect, Limits};
use rpcudp_transport::UdpOptions;

use super::Builder;

impl Builder {
    /// Sets the dialect of the network. Default: [`Dialect::Rpcudp`].
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.config.dialect = dialect;
        self
    }

    /// Sets the timeout of calls for which neither the contract nor the call sets one. Default: 5
    /// s, as in Python. With a timeout of zero, requests are sent and their calls end.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// Sets whether calls wait for their peer to become ready, if neither the contract nor the call
    /// says so. Default: `false`, which fails fast. See
    /// [`Call::wait_for_ready`](crate::Call::wait_for_ready).
    pub fn wait_for_ready(mut self, wait_for_ready: bool) -> Self {
        self.config.wait_for_ready = wait_for_ready;
        self
    }

    /// Sets the largest request that this endpoint sends, in bytes of the body: the method's name
    /// and the encoded arguments. Default: 8,192, which is what Python peers send. A network
    /// without Python peers may use up to 65,486; larger values are reduced to that.
    ///
    /// A peer of `storjrpcudp` loses bodies of more than 8,171 bytes, unless its Twisted is
    /// configured otherwise. Received requests may have any size.
    pub fn max_request_len(mut self, len: usize) -> Self {
        self.config.max_request_len = len.min(MAX_RESPONSE_BODY_LEN);
        self
    }

    /// Sets the largest response that this endpoint sends, in bytes of the body. Default: 65,486,
    /// which is what a datagram carries; larger values are reduced to that.
    ///
    /// Python's `rpcudp` accepts responses of that size. A peer of `storjrpcudp` loses bodies of
    /// more than 8,171 bytes, unless its Twisted is configured otherwise.
    ///
    /// A datagram larger than the path's MTU travels in fragments, and is lost if one of them is.
    pub fn max_response_len(mut self, len: usize) -> Self {
        self.config.max_response_len = len.min(MAX_RESPONSE_BODY_LEN);
        self
    }

    /// Sets the number of async handlers that may run at once. Further requests are refused as
    /// busy. Default: 1,024.
    ///
    /// With 16 or more, the [sources](Limits) that the limits apply to share the handlers: a source
    /// may have fewer handlers than are left, and none beyond an eighth of all while more than half
    /// run. The last eighth is for validated sources.
    pub fn max_handlers(mut self, count: usize) -> Self {
        self.config.max_handlers = count;
        self
    }

    /// Sets the number of handlers of `#[rpc(blocking)]` methods that may run at once. Further
    /// requests are refused as busy. Default: 256, half of the 512 threads that tokio's blocking
    /// pool has by default (`max_blocking_threads` of its runtime's builder).
    ///
    /// These handlers do not count towards [`max_handlers`](Self::max_handlers). Sources share them
    /// as described there. Endpoints of one runtime share its pool, with each other and with files
    /// and name lookups of tokio: a handler for which no thread is free waits for one, and does not
    /// run if its caller's deadline passes meanwhile.
    pub fn max_blocking_handlers(mut self, count: usize) -> Self {
        self.config.max_blocking_handlers = count;
        self
    }

    /// Sets the time that an async handler may run, if its caller sent no later deadline. Default:
    /// 60 s.
    ///
    /// A handler that runs longer is aborted at its next await point, and its caller is refused
    /// with [`Refusal::Stopped`](crate::Refusal::Stopped). The endpoint looks for such handlers
    /// four times within this time. A later deadline of the caller counts instead, up to ten times
    /// this time, because a forged request may claim any deadline.
    ///
    /// A handler of an `at_most_once`, `oneway` or `blocking` method is never aborted, and neither
    /// is one for a source that is exempt from the [limits](Self::limits), as loopback addresses
    /// are. With [`Duration::MAX`], no handler is.
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.config.handler_timeout = timeout;
        self
    }

    /// Enables [`Endpoint::busy_poll`](crate::Endpoint::busy_poll) for an endpoint with one socket.
    /// Default: `false`, because the driver then takes a lock each time it runs.
    pub fn busy_poll(mut self, is_enabled: bool) -> Self {
        self.config.busy_poll = is_enabled;
        self
    }

    /// Sets the limits for sources, above all for unvalidated ones. Default: [`Limits::default()`],
    /// made for the open internet.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Trusts every peer: no [limits](Self::limits), and 65,536 [handlers](Self::max_handlers) at
    /// once. For a network that strangers cannot reach.
    pub fn trusted_network(self) -> Self {
        self.limits(Limits::none()).max_handlers(1 << 16)
    }

    /// Sets the first retransmission interval to a peer whose round trip has not been measured, for
    /// methods whose contract enables retransmission. Half of the call's timeout takes its place
    /// if that is less, but at least 50 ms. Default: 500 ms.
    ///
    /// After the first response the interval follows the measured round trip with a margin (RFC
    /// 6298), and is at least 50 ms. Each interval is twice the one before, up to four times the
    /// first and to 4 s, and up to a tenth longer at random.
    pub fn retransmit_interval(mut self, first: Duration) -> Self {
        self.config.calls.first_interval = first;
        self
    }

    /// Sets the number of calls that may be in flight at once. Further calls end with
    /// [`CallError::TooManyCalls`](crate::CallError::TooManyCalls). Default: 1,048,576.
    pub fn max_calls(mut self, count: usize) -> Self {
        self.config.calls.max_calls = count;
        self
    }

    /// Accepts a response from any address, not only from the address that was called. For peers
    /// with several addresses that respond from another one, as a Python peer on a multi-homed host
    /// may. Default: `false`.
    ///
    /// With `true`, knowing the message id is enough to forge a response, and anyone on the path
    /// can read the id.
    pub fn any_source(mut self, any_source: bool) -> Self {
        self.config.calls.any_source = any_source;
        self
    }

    /// Sets whether a call that is dropped before its response arrives sends its peer a cancel
    /// frame, of 22 bytes. Default: `true`.
    ///
    /// A peer of this crate then drops the async handler of the request, unless the method is
    /// `at_most_once` ([`Context::cancelled`](crate::Context::cancelled)). Python's peers ignore
    /// the frame. A call that ends otherwise, at its timeout too, sends none; neither does a oneway
    /// call, or one with [`omit_deadline`](crate::Call::omit_deadline). The storj dialect has no
    /// cancel frame.
    pub fn send_cancels(mut self, send_cancels: bool) -> Self {
        self.config.calls.sends_cancels = send_cancels;
        self
    }

    /// Sets the memory for stored responses of at-most-once methods, in bytes, and the time for
    /// which each response is kept for duplicates of its request. Default: 64 MiB and one minute.
    ///
    /// The memory includes all overhead. It is allocated as responses are stored, is shared fairly
    /// between sources, and is free again after the retention. A response that is evicted early is
    /// counted in [`RequestStats::evicted`](crate::stats::RequestStats::evicted); a duplicate that
    /// arrives after that runs the method again. If the response had 4 KiB or more, or is larger
    /// than the memory, the duplicate is refused instead
    /// ([`Refusal::AlreadyRan`](crate::Refusal::AlreadyRan)).
    pub fn response_memory(mut self, len: usize, retention: Duration) -> Self {
        self.config.response_memory_len = len;
        self.config.response_retention = retention;
        self
    }

    /// Sets the options of the socket, for [`bind`](Self::bind).
    ///
    /// ```
    /// use rpcudp::{Endpoint, UdpOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rpcudp::BindError> {
    /// let options = UdpOptions::default().receive_buffer(8 << 20).send_buffer(1 << 20);
    /// let endpoint = Endpoint::builder().udp(options).bind("127.0.0.1:0").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn udp(mut self, options: UdpOptions) -> Self {
        self.udp = options;
        self
    }

    /// Sets the number of UDP sockets that are bound to the one address. Each has a driver of its
    /// own, so that several cores share the work of a busy endpoint. Default: 1, which carries
    /// hundreds of thousands of calls a second.
    ///
    /// The system assigns each peer's datagrams to one of the sockets, and a response is matched on
    /// any of them. At least one socket is bound, and at most 65,535. Binding several fails on
    /// systems without `SO_REUSEPORT`, and if another endpoint has the address, even one with
    /// several sockets. Once they are bound, another program of the same user may share the address
    /// if it sets `SO_REUSEPORT` itself.
    pub fn sockets(mut self, count: usize) -> Self {
        self.socket_count = count.clamp(1, usize::from(u16::MAX));
        self
    }
}

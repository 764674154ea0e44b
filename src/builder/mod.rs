pub(crate) mod bind;
pub(crate) mod bind_error;

use std::net::ToSocketAddrs;
use std::time::Duration;

use rpcudp_core::contract::Contract;
use rpcudp_core::{Dialect, Limits};
use rpcudp_transport::{Transport, UdpOptions};
use tokio::runtime::Handle;

use crate::builder::bind::{Bind, start};
use crate::driver::timer::Alarm;
use crate::endpoint::config::Config;
use crate::introspection::service::{IntrospectServer, Introspection};
use crate::server::router::Router;
use crate::{BindError, Endpoint, Service};

/// Says what an endpoint serves and how it behaves, and binds it.
///
/// Every setting has a default that is made for the open internet and for Python peers at once.
///
/// ```
/// use rpcudp::{Endpoint, rpc_service};
/// use std::time::Duration;
///
/// #[rpc_service]
/// trait Clock {
///     fn hour(&self) -> u8;
/// }
///
/// struct Noon;
///
/// impl Clock for Noon {
///     fn hour(&self) -> u8 {
///         12
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Endpoint::builder()
///     .serve(ClockServer::new(Noon))
///     .timeout(Duration::from_secs(1))
///     .bind("127.0.0.1:0")
///     .await?;
/// # let clock = ClockClient::new(&endpoint, endpoint.local_addr());
/// # assert_eq!(clock.hour().await?, 12);
/// # Ok(())
/// # }
/// ```
#[must_use = "an endpoint is there once it is bound"]
#[derive(Debug)]
pub struct Builder {
    pub(crate) router: Router,
    pub(crate) config: Config,
    pub(crate) udp: UdpOptions,
    pub(crate) socket_count: usize,
    /// What is told to whoever asks.
    described: Vec<&'static Contract>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            router: Router::default(),
            config: Config::default(),
            udp: UdpOptions::default(),
            socket_count: 1,
            described: Vec::new(),
        }
    }

    /// Answers the methods of this service. May be called for several services; an endpoint that serves none only
    /// calls.
    pub fn serve(mut self, service: impl Service) -> Self {
        self.router.add(service);
        self
    }

    /// [Serves](Self::serve) this service, and tells whoever asks what its contract says, documentation included:
    /// [`Endpoint::describe`] fetches it, and [`Endpoint::compare`] compares it. Default: nothing is told of a service.
    ///
    /// An endpoint with such services has the methods `rpc.describe` and `rpc.fingerprints` besides theirs; docs/wire.md
    /// has their wire. Their answers fit into small datagrams, and count towards the [limits](Self::limits) as others do.
    ///
    /// ```
    /// use rpcudp::{Endpoint, rpc_service};
    ///
    /// #[rpc_service]
    /// pub trait Clock {
    ///     /// The hour, in 24 of them.
    ///     fn hour(&self) -> u8;
    /// }
    ///
    /// struct Noon;
    ///
    /// impl Clock for Noon {
    ///     fn hour(&self) -> u8 {
    ///         12
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Endpoint::builder().serve_described(ClockServer::new(Noon)).bind("127.0.0.1:0").await?;
    ///
    /// // Elsewhere, in a program that knows nothing of clocks:
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let contracts = endpoint.describe(server.local_addr()).await?;
    /// let printed = "#[rpc_service]
    /// pub trait Clock {
    ///     /// The hour, in 24 of them.
    ///     fn hour(&self) -> u8;
    /// }
    /// ";
    /// assert_eq!(contracts[0].to_string(), printed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn serve_described<S: Service>(mut self, service: S) -> Self {
        self.described.push(S::CONTRACT);
        self.serve(service)
    }

    /// Which network the endpoint belongs to. Default: [`Dialect::Rpcudp`].
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.config.dialect = dialect;
        self
    }

    /// How long a call waits for its answer where neither the contract nor the call says. Default: five seconds, as in
    /// Python. A timeout of nothing sends requests and ends their calls.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// How large a request may be that this endpoint sends: its body, which is the method's name and the arguments as
    /// they are encoded, in bytes. Default: 8,192, which is what Python peers send; a network without them may carry up
    /// to 65,486, and what is set above that is taken for it.
    ///
    /// A peer of `storjrpcudp` loses bodies of more than 8,171 bytes, unless its Twisted was told otherwise. Requests
    /// that arrive may have any size.
    pub fn max_request_len(mut self, len: usize) -> Self {
        self.config.max_request_len = len.min(rpcudp_core::limits::MAX_RESPONSE_BODY_LEN);
        self
    }

    /// How large an answer may be that this endpoint sends: its body, in bytes. Default: 65,486, which is what a datagram
    /// carries, and what is set above that is taken for it.
    ///
    /// Python's `rpcudp` takes answers of that size; a peer of `storjrpcudp` loses bodies of more than 8,171 bytes,
    /// unless its Twisted was told otherwise.
    ///
    /// A datagram that is larger than the path's MTU travels in fragments and is lost if one of them is.
    pub fn max_response_len(mut self, len: usize) -> Self {
        self.config.max_response_len = len.min(rpcudp_core::limits::MAX_RESPONSE_BODY_LEN);
        self
    }

    /// How many async handlers may run at once; requests beyond are refused as busy. Default: 1,024.
    pub fn max_handlers(mut self, count: usize) -> Self {
        self.config.max_handlers = count;
        self
    }

    /// How much the endpoint does for whom it does not know. Default: [`Limits::default()`], made for the open internet.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Trusts every peer: no [limits](Self::limits), and 65,536 [handlers](Self::max_handlers) at once. For a network that
    /// no stranger gets into.
    pub fn trusted_network(self) -> Self {
        self.limits(Limits::none()).max_handlers(1 << 16)
    }

    /// How long a call waits before its request is sent again to a peer that was not measured yet, where the contract says
    /// that it is sent again. Default: 250 ms.
    ///
    /// From the first answer on it is what answers of that peer take, with some to spare (RFC 6298), and at least 50 ms.
    /// Each wait is twice the one before, up to eight times the first and to four seconds.
    pub fn retransmit_interval(mut self, first: Duration) -> Self {
        self.config.first_interval = first;
        self
    }

    /// How many calls may wait for answers at once; calls beyond end with
    /// [`CallError::TooManyCalls`](crate::CallError::TooManyCalls). Default: 1,048,576.
    pub fn max_calls(mut self, count: usize) -> Self {
        self.config.max_calls = count;
        self
    }

    /// Takes an answer from any address, not only from the one that was called: for peers with several addresses that
    /// answer from another, as a Python peer on a multi-homed host may. Default: no.
    ///
    /// An answer then needs nothing but the message id, which someone on the path can read.
    pub fn any_source(mut self, any_source: bool) -> Self {
        self.config.any_source = any_source;
        self
    }

    /// How many bytes the replies of at-most-once methods may take, and for how long each is kept to answer copies of
    /// its request. Default: 64 MiB and a minute.
    ///
    /// The memory is taken as replies come. A reply that had to go early is counted in
    /// [`RequestStats::evicted`](crate::stats::RequestStats::evicted); a copy that comes after that runs the method again.
    pub fn response_memory(mut self, len: usize, retention: Duration) -> Self {
        self.config.response_memory_len = len;
        self.config.response_retention = retention;
        self
    }

    /// How the socket is set up, for [`bind`](Self::bind).
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

    /// Binds this many UDP sockets to the one address, each with a task of its own that receives, so that several cores
    /// share the work of a busy endpoint. Default: one, which carries hundreds of thousands of calls a second.
    ///
    /// The system gives each peer's datagrams to one of the sockets, and an answer is found whichever it comes to. At least
    /// one; on systems that cannot share an address so (`SO_REUSEPORT`), binding fails for more. Where they can, another
    /// process of the same user may bind to the address as well.
    pub fn sockets(mut self, count: usize) -> Self {
        self.socket_count = count.max(1);
        self
    }

    /// Binds a UDP socket: `.await` it, or [`Bind::wait`] outside async code.
    ///
    /// Port 0 takes a free port, and `[::]` serves both IPv6 and IPv4. A host name is looked up at once, which blocks;
    /// an address does not. Of several addresses, the first that can be bound is. What is wrong with the address is said
    /// when the [`Bind`] is awaited.
    pub fn bind(self, addr: impl ToSocketAddrs) -> Bind {
        let addrs = addr.to_socket_addrs().map(Vec::from_iter);
        Bind::new(self, addrs)
    }

    /// Sends and receives through a transport of your own, for example a node of a [simulated network](crate::sim).
    ///
    /// # Errors
    ///
    /// Where two services claim one method name.
    ///
    /// # Panics
    ///
    /// Outside the context of a tokio runtime with its timer enabled.
    #[track_caller]
    pub fn bind_transport(self, transport: impl Transport) -> Result<Endpoint, BindError> {
        let Ok(runtime) = Handle::try_current() else {
            panic!("`bind_transport` needs a tokio runtime: call it in async code, or within `Runtime::enter`");
        };
        let (endpoint, drivers) = start(self, vec![transport], runtime.clone(), Alarm::new)?;
        drivers.into_iter().for_each(|driver| drop(runtime.spawn(driver.run())));
        Ok(endpoint)
    }

    /// Adds what answers those who ask for the contracts, if there are any to be told of.
    pub(crate) fn with_introspection(self) -> Self {
        if self.described.is_empty() {
            return self;
        }
        let told = Introspection::new(&self.described, self.config.max_response_len);
        self.serve(IntrospectServer::new(told))
    }
}

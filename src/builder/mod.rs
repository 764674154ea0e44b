pub(crate) mod bind;
pub(crate) mod bind_error;
#[cfg(feature = "tower")]
mod layer;
#[cfg(feature = "secure")]
mod links;
mod settings;

use rpcudp_transport::UdpOptions;

use crate::endpoint::config::Config;
use crate::endpoint::weak::WeakEndpoint;
use crate::server::dynamic::DynamicService;
use crate::server::own_service::OwnService;
use crate::server::router::Middleware;
use crate::server::service::Service;
use crate::server::services::Served;
use crate::services::add_service_error::InvalidContract;
use crate::services::{describe_dynamic, serve_dynamic};
use crate::session::Sessions;

/// The builder of an endpoint: its services and settings.
///
/// Made by [`Endpoint::builder`](crate::Endpoint::builder). Every setting has a default that suits
/// the open internet and Python peers alike.
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
#[must_use = "a builder does nothing until it is bound"]
#[derive(Debug)]
pub struct Builder {
    served: Vec<Served>,
    /// The services that get a reference to the endpoint.
    own_services: Vec<OwnService>,
    config: Config,
    udp: UdpOptions,
    socket_count: usize,
    middleware: Option<Box<dyn Middleware>>,
    /// The first contract that cannot be published.
    invalid_contract: Option<InvalidContract>,
    /// The pools of sessions.
    sessions: Vec<Sessions>,
}

impl Builder {
    fn new() -> Self {
        Self {
            served: Vec::new(),
            own_services: Vec::new(),
            config: Config::default(),
            udp: UdpOptions::default(),
            socket_count: 1,
            middleware: None,
            invalid_contract: None,
            sessions: Vec::new(),
        }
    }

    /// Serves the methods of this service. May be called for several services. An endpoint without
    /// a service only calls.
    pub fn serve(mut self, service: impl Service) -> Self {
        self.served.push(Served::new(service));
        self
    }

    /// [Serves](Self::serve) a service that calls through its own endpoint on its own initiative:
    /// `make` gets a reference to the endpoint while it is bound, and returns the service. A
    /// handler that only calls on behalf of a request needs no more than its
    /// [`Context`](crate::Context).
    ///
    /// The endpoint receives after `make` has returned. `make` runs once, in the context of the
    /// endpoint's runtime, so that it may start tasks. It must not block.
    ///
    /// ```
    /// use rpcudp::{Endpoint, WeakEndpoint, rpc_service};
    /// use std::net::SocketAddr;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::time::Duration;
    ///
    /// #[rpc_service]
    /// trait Heart {
    ///     #[rpc(oneway)]
    ///     fn beat(&self);
    /// }
    ///
    /// struct Node {
    ///     endpoint: WeakEndpoint,
    ///     peer: SocketAddr,
    ///     heard: AtomicU32,
    /// }
    ///
    /// impl Heart for Node {
    ///     fn beat(&self) {
    ///         self.heard.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// impl Node {
    ///     /// Sends a beat to the peer every 10 ms, until the endpoint closes.
    ///     async fn beat_until_closed(self: Arc<Self>) {
    ///         while let Some(endpoint) = self.endpoint.upgrade() {
    ///             let _ = HeartClient::new(&endpoint, self.peer).beat().await;
    ///             drop(endpoint); // The task must not keep the endpoint open while it sleeps.
    ///             tokio::time::sleep(Duration::from_millis(10)).await;
    ///         }
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let silent = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// # let peer = silent.local_addr()?;
    /// let endpoint = Endpoint::builder().serve_with(move |endpoint| {
    ///     let node = Arc::new(Node { endpoint, peer, heard: AtomicU32::new(0) });
    ///     tokio::spawn(Arc::clone(&node).beat_until_closed());
    ///     HeartServer::from_arc(node)
    /// });
    /// let endpoint = endpoint.bind("127.0.0.1:0").await?;
    /// # tokio::time::sleep(Duration::from_millis(1)).await;
    /// # assert!(tokio::task::spawn_blocking(move || silent.recv(&mut [0; 100])).await?.is_ok());
    /// # let closed = endpoint.closed();
    /// # drop(endpoint);
    /// # closed.await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn serve_with<S: Service>(mut self, make: impl FnOnce(WeakEndpoint) -> S + Send + 'static) -> Self {
        self.own_services.push(OwnService::new(make));
        self
    }

    /// [Serves](Self::serve) this service and publishes its contract, documentation included. A
    /// peer fetches it with [`Endpoint::describe`](crate::Endpoint::describe) and compares it with
    /// [`Endpoint::compare`](crate::Endpoint::compare). Default: no contract is published.
    ///
    /// An endpoint that publishes contracts also has the methods `rpc.describe` and
    /// `rpc.fingerprints`; docs/wire.md specifies them. Their responses fit into small datagrams
    /// and count towards the [limits](Self::limits).
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
    /// // In another program, which does not have the contract:
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
        self.served.push(Served::new(service).publish(S::CONTRACT.clone()));
        self
    }

    /// Serves a service with methods known at run time only. See
    /// [`DynamicService`](crate::DynamicService).
    ///
    /// Two services with the same method fail to bind, as services of contracts do, and so do two
    /// that take [other methods](crate::DynamicService::other_methods).
    pub fn serve_dynamic(mut self, service: impl DynamicService) -> Self {
        self.served.push(serve_dynamic(service));
        self
    }

    /// [Serves](Self::serve_dynamic) this service, and publishes its methods as a contract, as
    /// [`serve_described`](Self::serve_described) does.
    ///
    /// Binding fails if the contract would be refused by the peers that read it, with
    /// [`BindError::InvalidContract`](crate::BindError::InvalidContract).
    ///
    /// ```
    /// use rpcudp::contract::{Argument, Method};
    /// use rpcudp::dynamic::RawArguments;
    /// use rpcudp::{Context, DynamicResponse, DynamicService, Endpoint};
    ///
    /// struct Shell;
    ///
    /// impl DynamicService for Shell {
    ///     fn name(&self) -> &str {
    ///         "Shell"
    ///     }
    ///
    ///     fn methods(&self) -> Vec<Method> {
    ///         let argument = Argument { name: "command".into(), ty: "String".into() };
    ///         vec![Method {
    ///             doc: "Runs a command.".into(),
    ///             arguments: vec![argument].into(),
    ///             returns: "i32".into(),
    ///             ..Method::named("run")
    ///         }]
    ///     }
    ///
    ///     async fn call(&self, _: &Context, _: &str, _: RawArguments<'_>) -> DynamicResponse {
    ///         DynamicResponse::value(&0)
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Endpoint::builder().serve_dynamic_described(Shell).bind("127.0.0.1:0").await?;
    ///
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let contracts = endpoint.describe(server.local_addr()).await?;
    /// let printed = "#[rpc_service]
    /// pub trait Shell {
    ///     /// Runs a command.
    ///     async fn run(&self, command: String) -> i32;
    /// }
    /// ";
    /// assert_eq!(contracts[0].to_string(), printed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn serve_dynamic_described(mut self, service: impl DynamicService) -> Self {
        match describe_dynamic(service) {
            Ok(served) => self.served.push(served),
            Err(invalid) => drop(self.invalid_contract.get_or_insert(invalid)),
        }
        self
    }

    /// Adds a pool of [sessions](crate::session), which peers take with
    /// [`Endpoint::join`](crate::Endpoint::join). May be called for several pools, with a name
    /// each. Default: no sessions.
    ///
    /// An endpoint with sessions also has the methods `rpc.join`, `rpc.keep` and `rpc.leave`;
    /// docs/wire.md specifies them. [`Sessions`] has an example.
    pub fn sessions(mut self, sessions: Sessions) -> Self {
        self.sessions.push(sessions);
        self
    }

    /// Puts middleware around the middleware that the endpoint has. No layer may follow.
    pub(crate) fn wrap_middleware(
        mut self,
        wrap: impl FnOnce(Option<Box<dyn Middleware>>) -> Box<dyn Middleware>,
    ) -> Self {
        self.middleware = Some(wrap(self.middleware.take()));
        self
    }
}

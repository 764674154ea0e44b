use std::fmt;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};

use rpcudp_transport::{Transport, Udp};
use tokio::runtime::{self, Handle};

use super::Builder;
use super::bind_error::BindError;
use crate::block_on::assert_may_block;
use crate::driver::Driver;
use crate::driver::shared_driver::run;
use crate::driver::timer::Timer;
use crate::driver::watchdog;
use crate::endpoint::Endpoint;
use crate::endpoint::close_guard::{CloseGuard, CloseNotice};
use crate::endpoint::lifecycle::Lifecycle;
use crate::endpoint::send_queues::SendQueues;
use crate::endpoint::shared::Shared;
use crate::introspection;
use crate::server::services::{ServiceSettings, Services};
use crate::services;
use crate::session;
use crate::telemetry::metrics;

/// An endpoint that is about to be bound.
///
/// Returned by [`Endpoint::bind`] and [`Builder::bind`]. `.await` it in a tokio runtime, or call
/// [`wait`](Self::wait) outside async code. The output is an [`Endpoint`], or a [`BindError`] that
/// says what is wrong with the address or the services.
///
/// # Panics
///
/// If it is awaited outside a tokio runtime, in a runtime without its I/O or time driver, or again
/// after it has completed.
#[must_use = "an endpoint is bound when this is awaited"]
pub struct Bind {
    /// `None` once the endpoint has been bound.
    request: Option<(Builder, io::Result<Vec<SocketAddr>>)>,
}

impl Endpoint {
    /// Binds an endpoint that only calls. Port 0 takes a free port. `.await` the returned [`Bind`],
    /// or call [`Bind::wait`] outside async code.
    ///
    /// Short for [`Endpoint::builder()`](Self::builder)[`.bind(addr)`](Builder::bind).
    pub fn bind(addr: impl ToSocketAddrs) -> Bind {
        Self::builder().bind(addr)
    }

    /// Returns a builder, for an endpoint that serves or has settings of its own.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// Binds a UDP socket. `.await` the returned [`Bind`], or call [`Bind::wait`] outside async
    /// code.
    ///
    /// Port 0 takes a free port, and `[::]` serves both IPv6 and IPv4. A host name is resolved at
    /// once, which blocks; an address does not block. If there are several addresses, the first
    /// that can be bound is taken. Errors of the address are returned when the [`Bind`] is awaited.
    pub fn bind(self, addr: impl ToSocketAddrs) -> Bind {
        let addrs = addr.to_socket_addrs().map(Vec::from_iter);
        Bind { request: Some((self, addrs)) }
    }

    /// Starts an endpoint on a transport of your own, for example a node of a
    /// [simulated network](crate::sim).
    ///
    /// # Errors
    ///
    /// If two services have a method with the same wire name.
    ///
    /// # Panics
    ///
    /// Outside the context of a tokio runtime with its timer enabled.
    #[track_caller]
    pub fn bind_transport(self, transport: impl Transport) -> Result<Endpoint, BindError> {
        let Ok(runtime) = Handle::try_current() else {
            panic!("`bind_transport` needs a tokio runtime: call it in async code, or within `Runtime::enter`");
        };
        let (endpoint, drivers) = start(self, vec![transport], runtime.clone(), Timer::new)?;
        drivers.into_iter().for_each(|driver| drop(runtime.spawn(run(driver))));
        Ok(endpoint)
    }
}

impl Bind {
    /// Binds outside async code. The endpoint starts a thread of its own, which runs its async
    /// handlers and ends with the endpoint.
    ///
    /// ```
    /// use rpcudp::Endpoint;
    /// use std::time::Duration;
    ///
    /// let endpoint = Endpoint::bind("127.0.0.1:0").wait()?;
    /// endpoint.close(Duration::ZERO).wait();
    /// # Ok::<(), rpcudp::BindError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for awaiting it, and if the thread cannot be started.
    ///
    /// # Panics
    ///
    /// In async code. Await it there.
    #[track_caller]
    pub fn wait(mut self) -> Result<Endpoint, BindError> {
        assert_may_block();
        let (send, receive) = mpsc::sync_channel(1);
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| BindError::Runtime { source })?;
        let thread = std::thread::Builder::new().name("rpcudp".into()).spawn(move || {
            let bound = runtime.block_on(async { self.bind_now() });
            let (endpoint, drivers) = match bound {
                Ok((endpoint, drivers)) => {
                    watchdog::watch(endpoint.shared());
                    (Ok(endpoint), drivers)
                }
                Err(error) => (Err(error), Vec::new()),
            };
            // If the receiver is gone, the last handle is dropped here and the drivers end at once.
            drop(send.send(endpoint));
            let running: Vec<_> = drivers.into_iter().map(|driver| runtime.spawn(run(driver))).collect();
            for driver in running {
                let _ = runtime.block_on(driver);
            }
        });
        thread.map_err(|source| BindError::Runtime { source })?;
        receive.recv().expect("the thread sends the result before anything that can fail")
    }

    fn bind_now(&mut self) -> Result<(Endpoint, Vec<Driver>), BindError> {
        let (builder, addrs) = self.request.take().expect("a `Bind` completes once");
        let addrs = addrs.map_err(|source| BindError::Resolve { source })?;
        let mut bound = Err(BindError::Resolve { source: no_address() });
        for addr in addrs {
            bound = Udp::bind_several(addr, builder.socket_count, &builder.udp)
                .map_err(|source| BindError::Bind { addr, source });
            if bound.is_ok() {
                break;
            }
        }
        start(builder, bound?, Handle::current(), Timer::beside_sockets)
    }
}

impl Future for Bind {
    type Output = Result<Endpoint, BindError>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(self.bind_now().map(|(endpoint, drivers)| {
            drivers.into_iter().for_each(|driver| drop(tokio::spawn(run(driver))));
            endpoint
        }))
    }
}

impl fmt::Debug for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addrs = self.request.as_ref().map(|(_, addrs)| addrs);
        f.debug_struct("Bind").field("addrs", &addrs).finish_non_exhaustive()
    }
}

/// Builds an endpoint on transports that have one address, with a driver for each.
fn start(
    builder: Builder,
    transports: Vec<impl Transport>,
    runtime: Handle,
    timer: impl Fn() -> Timer,
) -> Result<(Endpoint, Vec<Driver>), BindError> {
    let Builder { mut served, own_services, config, middleware, invalid_contract, sessions, .. } = builder;
    if let Some(invalid) = invalid_contract {
        return Err(invalid.into());
    }
    let settings = ServiceSettings {
        middleware: middleware.map(Arc::from),
        introspection: introspection::service::publish,
        max_response_len: config.max_response_len,
        pools: session::start::names(&sessions).map_err(|pool| BindError::DuplicatePool { pool })?,
    };
    let lifecycle = Arc::new(Lifecycle::default());
    let local_addr = transports[0].local_addr();
    let notice = Arc::new(CloseNotice { lifecycle: Arc::clone(&lifecycle), local_addr });
    let guarded = |transport| -> Arc<dyn Transport> { Arc::new(CloseGuard::new(transport, &notice)) };
    let transports: Vec<_> = transports.into_iter().map(guarded).collect();
    let shared = Shared::new(&transports, lifecycle, config, runtime);
    // The handle that is returned: a service may upgrade its reference meanwhile, and drop the
    // handle.
    let endpoint = Endpoint::new(&shared);
    served.extend(own_services.into_iter().map(|service| service.make(endpoint.downgrade())));
    served.extend(session::start::start(&shared, sessions));
    let services = Arc::new(Services::new(served, settings)?);
    services::attach(&services, &shared);
    publish_metrics(&shared);
    let driver = |(socket, transport)| {
        // The other drivers rarely need a timer.
        let timer = if socket == SendQueues::TIMEKEEPER { timer() } else { Timer::new() };
        Driver::new(Arc::clone(&shared), socket, transport, Arc::clone(&services), timer)
    };
    let drivers = transports.into_iter().enumerate().map(driver).collect();
    tracing::debug!(target: "rpcudp", local_addr = %shared.local_addr, "endpoint bound");
    Ok((endpoint, drivers))
}

fn publish_metrics(shared: &Arc<Shared>) {
    let (lifecycle, counted) = (Arc::clone(&shared.lifecycle), Arc::clone(shared));
    let closed = async move { lifecycle.closed().await };
    metrics::publish(&shared.runtime, closed, move || (counted.stats(), counted.link_counts()));
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};

use rpcudp_transport::{Transport, Udp};
use tokio::runtime::{self, Handle};

use crate::block_on::assert_may_block;
use crate::driver::Driver;
use crate::driver::timer::Alarm;
use crate::endpoint::close_guard::{Announcement, Announcing};
use crate::endpoint::lifecycle::Lifecycle;
use crate::endpoint::send_queues::Outboxes;
use crate::endpoint::shared::Shared;
use crate::telemetry::metrics;
use crate::{BindError, Builder, Endpoint};

/// An endpoint about to be bound: `.await` it within a tokio runtime, or [`wait`](Self::wait) for it anywhere else.
///
/// Gives an [`Endpoint`], or a [`BindError`] that says what is wrong with the address or the services.
///
/// # Panics
///
/// Where it is awaited outside a tokio runtime, or in one without its I/O or time driver, or polled again after that.
#[must_use = "an endpoint is bound when this is awaited"]
pub struct Bind {
    /// Gone when it has been answered.
    asked: Option<(Builder, io::Result<Vec<SocketAddr>>)>,
}

impl Bind {
    pub(crate) fn new(builder: Builder, addrs: io::Result<Vec<SocketAddr>>) -> Self {
        Self { asked: Some((builder, addrs)) }
    }

    /// Binds outside async code. The endpoint brings a thread of its own, which ends with it; its async handlers run
    /// there.
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
    /// As for awaiting it, and where the thread cannot be started.
    ///
    /// # Panics
    ///
    /// In async code, which is to await it.
    #[track_caller]
    pub fn wait(mut self) -> Result<Endpoint, BindError> {
        assert_may_block();
        let (send, receive) = mpsc::sync_channel(1);
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| BindError::Runtime { source })?;
        let thread = std::thread::Builder::new().name("rpcudp".into()).spawn(move || {
            let bound = runtime.block_on(async { self.now() });
            let (endpoint, drivers) = match bound {
                Ok((endpoint, drivers)) => (Ok(endpoint), drivers),
                Err(error) => (Err(error), Vec::new()),
            };
            // If nobody takes the endpoint, its last handle is dropped here and the driver ends at once.
            drop(send.send(endpoint));
            let running: Vec<_> = drivers.into_iter().map(|driver| runtime.spawn(driver.run())).collect();
            for driver in running {
                let _ = runtime.block_on(driver);
            }
        });
        thread.map_err(|source| BindError::Runtime { source })?;
        receive.recv().expect("the thread sends what came of binding before anything that can fail")
    }

    fn now(&mut self) -> Result<(Endpoint, Vec<Driver>), BindError> {
        let (builder, addrs) = self.asked.take().expect("a `Bind` gives one endpoint, and has given it");
        let addrs = addrs.map_err(|source| BindError::Resolve { source })?;
        let mut bound = Err(BindError::Resolve { source: no_address() });
        for addr in addrs {
            bound = Udp::bind_several(addr, builder.socket_count, &builder.udp)
                .map_err(|source| BindError::Bind { addr, source });
            if bound.is_ok() {
                break;
            }
        }
        start(builder, bound?, Handle::current(), Alarm::beside_sockets)
    }
}

impl Future for Bind {
    type Output = Result<Endpoint, BindError>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(self.now().map(|(endpoint, drivers)| {
            drivers.into_iter().for_each(|driver| drop(tokio::spawn(driver.run())));
            endpoint
        }))
    }
}

impl fmt::Debug for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addrs = self.asked.as_ref().map(|(_, addrs)| addrs);
        f.debug_struct("Bind").field("addrs", &addrs).finish_non_exhaustive()
    }
}

/// An endpoint on these sockets, which have one address, and a driver for each, with an alarm.
pub(crate) fn start(
    builder: Builder,
    transports: Vec<impl Transport>,
    runtime: Handle,
    alarm: impl Fn() -> Alarm,
) -> Result<(Endpoint, Vec<Driver>), BindError> {
    let builder = builder.with_introspection();
    let router = Arc::new(builder.router.checked()?);
    let lifecycle = Arc::new(Lifecycle::default());
    let local_addr = transports[0].local_addr();
    let announcement = Arc::new(Announcement { lifecycle: Arc::clone(&lifecycle), local_addr });
    let announcing = |transport| -> Arc<dyn Transport> { Arc::new(Announcing::new(transport, &announcement)) };
    let transports: Vec<_> = transports.into_iter().map(announcing).collect();
    let shared = Shared::new(&transports, lifecycle, builder.config, runtime);
    metrics::publish(&shared);
    let driver = |(socket, transport)| {
        // The others are seldom in need of one.
        let alarm = if socket == Outboxes::TIMEKEEPER { alarm() } else { Alarm::new() };
        Driver::new(Arc::clone(&shared), socket, transport, Arc::clone(&router), alarm)
    };
    let drivers = transports.into_iter().enumerate().map(driver).collect();
    tracing::debug!(target: "rpcudp", local_addr = %shared.local_addr, "endpoint bound");
    Ok((Endpoint::new(&shared), drivers))
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

//! The service. Its files for systemd are beside the sources.

use std::time::{Duration, SystemTime};

use clock_contract::{Clock, ClockServer, Time};
use listenfd::ListenFd;
use rpcudp::transport::Udp;
use rpcudp::{Endpoint, UdpOptions};
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

struct SystemClock;

impl Clock for SystemClock {
    fn time(&self) -> Time {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Time { since_1970: since_1970.unwrap_or_default() }
    }

    async fn wait(&self, millis: u32) {
        tokio::time::sleep(Duration::from_millis(millis.into())).await;
    }
}

#[tokio::main]
pub(crate) async fn run() -> Result<(), Box<dyn std::error::Error>> {
    // Before the service is ready, so that no signal ends it without a grace.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);

    let builder = Endpoint::builder().serve(ClockServer::new(SystemClock));
    // The socket that systemd has bound, or one of our own.
    let server = match ListenFd::from_env().take_udp_socket(0)? {
        Some(socket) => builder.bind_transport(Udp::from_socket(socket, &UdpOptions::default())?)?,
        None => builder.bind("127.0.0.1:4242").await?,
    };
    println!("listening on {}", server.local_addr());
    // No effect if the program was started by hand.
    sd_notify::notify(&[NotifyState::Ready])?;

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    sd_notify::notify(&[NotifyState::Stopping])?;
    // Requests are refused from here on; running handlers have five seconds to finish.
    server.close(Duration::from_secs(5)).await;
    Ok(())
}

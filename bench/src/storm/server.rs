//! The process of a server. Its input controls it: a line is the time that each handler takes in
//! milliseconds, and the end of the input ends the server with a grace.

use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::{Args, ValueEnum};
use rpcudp::Endpoint;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::contender::{Storm, StormServer};
use crate::contenders::tonic::Payload;
use crate::contenders::tonic::generated::echo_server::{Echo, EchoServer};
use crate::measuring::BoxError;

/// The server and its address.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    kind: Kind,
    addr: SocketAddr,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Rpcudp,
    Tonic,
}

/// The time that running handlers have when the server ends.
const GRACE: Duration = Duration::from_millis(500);

/// The time that a handler takes, in milliseconds, unless the input says otherwise.
const NORMAL_MILLIS: u64 = 5;

/// A service whose handlers take a time that can be changed.
#[derive(Clone, Debug)]
struct Delayed(Arc<AtomicU64>);

impl Delayed {
    async fn wait(&self) {
        sleep(Duration::from_millis(self.0.load(Ordering::Relaxed))).await;
    }
}

impl Storm for Delayed {
    async fn work(&self, number: u64) -> u64 {
        self.wait().await;
        number
    }
}

#[tonic::async_trait]
impl Echo for Delayed {
    async fn echo(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        self.wait().await;
        Ok(Response::new(request.into_inner()))
    }
}

/// Serves until the input ends.
///
/// # Errors
///
/// Returns an error if the address cannot be bound.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    let delay = Arc::new(AtomicU64::new(NORMAL_MILLIS));
    let (ended, end) = oneshot::channel();
    let controlled = Arc::clone(&delay);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            controlled.store(line.trim().parse().unwrap_or(NORMAL_MILLIS), Ordering::Relaxed);
        }
        drop(ended);
    });
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(options, Delayed(delay), end))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(options: &Options, service: Delayed, end: oneshot::Receiver<()>) -> Result<(), BoxError> {
    let ready = || writeln!(std::io::stdout(), "ready");
    match options.kind {
        Kind::Rpcudp => {
            let builder = Endpoint::builder().trusted_network().serve(StormServer::new(service));
            let endpoint = builder.bind(options.addr).await?;
            ready()?;
            let _ = end.await;
            endpoint.close(GRACE).await;
        }
        Kind::Tonic => {
            let listener = TcpListener::bind(options.addr).await?;
            ready()?;
            let serving = Server::builder().add_service(EchoServer::new(service)).serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                async {
                    let _ = end.await;
                },
            );
            serving.await?;
        }
    }
    Ok(())
}

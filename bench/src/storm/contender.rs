//! The callers that are compared, and what they call.

use std::net::SocketAddr;
use std::time::Duration;

use prost::bytes::Bytes;
use rpcudp::{Endpoint, Peers, rpc_service};
use tokio::time::{Instant, timeout_at};
use tonic::transport::{Channel, Endpoint as TonicEndpoint};

use crate::contenders::tonic::Payload;
use crate::contenders::tonic::generated::echo_client::EchoClient;
use crate::measuring::BoxError;

/// A caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// A group of this crate, which waits for a peer that is ready.
    Rpcudp,
    /// The same with hedged calls.
    Hedged,
    /// tonic's `balance_list` with keepalives.
    Tonic,
    /// The same, and up to four attempts at each call, which the caller writes by hand.
    TonicRetried,
}

/// The contract of this crate's servers.
#[rpc_service]
pub(crate) trait Storm {
    /// Returns its argument after the server's delay.
    #[rpc(at_least_once, timeout = "5s")]
    async fn work(&self, number: u64) -> u64;
}

/// A client that calls any of the servers.
#[derive(Clone)]
pub(crate) enum Client {
    Rpcudp { client: StormClient, is_hedged: bool },
    Tonic { client: EchoClient<Channel>, attempts: u32 },
}

/// The time that a call may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The time in which a connection must be made or prove that it is alive.
const ALIVE: Duration = Duration::from_secs(1);

impl Contender {
    pub(crate) const ALL: [Self; 4] = [Self::Rpcudp, Self::Hedged, Self::Tonic, Self::TonicRetried];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rpcudp => "rpcudp group",
            Self::Hedged => "rpcudp group, hedged",
            Self::Tonic => "tonic balance_list",
            Self::TonicRetried => "tonic balance_list, up to 4 attempts by hand",
        }
    }

    /// Returns the name of the server on the command line.
    pub(crate) fn server_name(self) -> &'static str {
        match self {
            Self::Rpcudp | Self::Hedged => "rpcudp",
            Self::Tonic | Self::TonicRetried => "tonic",
        }
    }

    /// Returns a client of these servers.
    pub(crate) async fn client(self, servers: Vec<SocketAddr>) -> Result<Client, BoxError> {
        Ok(match self {
            Self::Rpcudp | Self::Hedged => {
                let endpoint = Endpoint::bind("0.0.0.0:0").await?;
                let client = StormClient::group(&endpoint, Peers::fixed(servers));
                Client::Rpcudp { client, is_hedged: self == Self::Hedged }
            }
            Self::Tonic | Self::TonicRetried => {
                let endpoints: Result<Vec<_>, _> = servers
                    .into_iter()
                    .map(|server| {
                        Ok::<_, tonic::transport::Error>(
                            TonicEndpoint::try_from(format!("http://{server}"))?
                                .tcp_nodelay(true)
                                .connect_timeout(ALIVE)
                                .http2_keep_alive_interval(ALIVE)
                                .keep_alive_timeout(ALIVE)
                                .keep_alive_while_idle(true),
                        )
                    })
                    .collect();
                let channel = Channel::balance_list(endpoints?.into_iter());
                let attempts = if self == Self::TonicRetried { 4 } else { 1 };
                Client::Tonic { client: EchoClient::new(channel), attempts }
            }
        })
    }
}

impl Client {
    /// Makes a call, which ends within its time.
    pub(crate) async fn call(&self, number: u64) -> Result<(), BoxError> {
        match self {
            Self::Rpcudp { client, is_hedged: false } => {
                client.work(number).wait_for_ready().await?;
            }
            Self::Rpcudp { client, is_hedged: true } => {
                client.work(number).wait_for_ready().hedged().await?;
            }
            Self::Tonic { client, attempts } => {
                let deadline = Instant::now() + TIMEOUT;
                let mut last: Result<(), BoxError> = Err("no attempt".into());
                for attempt in 1..=*attempts {
                    let payload = Payload { bytes: Bytes::copy_from_slice(&number.to_be_bytes()) };
                    let mut client = client.clone();
                    // Each attempt has its share of the time, and the last one the rest.
                    let end = if attempt == *attempts { deadline } else { Instant::now() + TIMEOUT / *attempts };
                    last = match timeout_at(end.min(deadline), client.echo(payload)).await {
                        Ok(Ok(_)) => return Ok(()),
                        Ok(Err(status)) => Err(status.message().into()),
                        Err(_) => Err("no response in time".into()),
                    };
                }
                last?;
            }
        }
        Ok(())
    }
}

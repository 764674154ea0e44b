//! The legitimate callers: peers whose address the endpoint has validated, and peers whose address
//! it has not.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rpcudp::{Call, CallError, Endpoint, Refusal, Session};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::links;
use super::target::{MemberTargetClient, TargetClient, TargetServer, TargetService};
use crate::measuring::{BoxError, Clock, Failures, Latencies, Phase, micros};

/// The number of peers of each kind, each with an address and an endpoint of its own. With fewer, a
/// peer would reach the limit per source.
const PEER_COUNT: u8 = 8;

/// The number of calls that each peer has in flight.
const CALLS_PER_PEER: u32 = 4;

/// The payload of an echo in bytes.
const PAYLOAD_LEN: usize = 32;

/// The callers of one kind, and the results of their calls.
#[derive(Debug, Default)]
pub(super) struct Callers {
    tally: Arc<Mutex<Tally>>,
    tasks: Vec<JoinHandle<()>>,
    /// The sessions of members, which end with the callers.
    sessions: Vec<Session>,
}

#[derive(Debug, Default)]
struct Tally {
    latencies: Latencies,
    refused: u64,
    failures: Failures,
}

/// The results of the calls of one kind of callers.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct CallSummary {
    pub(super) per_second: f64,
    /// The median and the 99th percentile in microseconds.
    pub(super) latencies: [f64; 2],
    /// The calls per second that were refused as busy.
    pub(super) refused_per_second: f64,
    /// The calls that failed, the unmeasured ones included.
    pub(super) failed: u64,
    pub(super) first_failure: Option<String>,
}

impl Callers {
    /// Starts peers whose addresses `target` has validated: it has called them, and they responded.
    ///
    /// # Errors
    ///
    /// Returns an error if an endpoint cannot be bound, or if a peer does not respond.
    pub(super) async fn validated(target: &Endpoint, clock: &Arc<Clock>) -> Result<Self, BoxError> {
        let mut callers = Self::default();
        for number in 1..=PEER_COUNT {
            let peer = peer([127, 0, 2, number]).await?;
            TargetClient::new(target, peer.local_addr()).echo(b"who are you").await?;
            callers.echo(&TargetClient::new(&peer, target.local_addr()), clock);
        }
        Ok(callers)
    }

    /// Starts peers that have joined `target`, and call a method for members.
    ///
    /// # Errors
    ///
    /// Returns an error if an endpoint cannot be bound, or if a peer cannot join.
    pub(super) async fn members(target: &Endpoint, clock: &Arc<Clock>) -> Result<Self, BoxError> {
        let mut callers = Self::default();
        for number in 1..=PEER_COUNT {
            let session = peer([127, 0, 2, number]).await?.join(target.local_addr()).await?;
            callers.echo(&session.client::<MemberTargetClient>(), clock);
            callers.sessions.push(session);
        }
        Ok(callers)
    }

    /// Starts peers that call `target` over links, which are up.
    ///
    /// # Errors
    ///
    /// Returns an error if an endpoint cannot be bound, or if a link cannot be opened.
    pub(super) async fn over_links(target: &Endpoint, clock: &Arc<Clock>) -> Result<Self, BoxError> {
        let mut callers = Self::default();
        for number in 1..=PEER_COUNT {
            let peer = links::with_identity(Endpoint::builder()).bind((Ipv4Addr::new(127, 0, 2, number), 0)).await?;
            let client = links::client(&peer, target)?;
            client.echo(b"who are you").await?;
            callers.echo(&client, clock);
        }
        Ok(callers)
    }

    /// Starts peers that `target` has never called.
    ///
    /// # Errors
    ///
    /// Returns an error if an endpoint cannot be bound.
    pub(super) async fn unvalidated(target: SocketAddr, clock: &Arc<Clock>) -> Result<Self, BoxError> {
        let mut callers = Self::default();
        for number in 1..=PEER_COUNT {
            callers.echo(&TargetClient::new(&peer([127, 0, 3, number]).await?, target), clock);
        }
        Ok(callers)
    }

    /// Starts unvalidated peers that make one lookup after the other.
    ///
    /// # Errors
    ///
    /// Returns an error if an endpoint cannot be bound.
    pub(super) async fn looking_up(target: SocketAddr, clock: &Arc<Clock>) -> Result<Self, BoxError> {
        let mut callers = Self::default();
        for number in 1..=PEER_COUNT {
            let client = TargetClient::new(&peer([127, 0, 4, number]).await?, target);
            let (tally, clock) = (Arc::clone(&callers.tally), Arc::clone(clock));
            callers.tasks.push(Handle::current().spawn(look_up_until_over(client, clock, tally)));
        }
        Ok(callers)
    }

    /// Waits for the pending calls, and summarizes all calls. `window` is the measured time.
    ///
    /// # Errors
    ///
    /// Returns an error if a caller panicked.
    pub(super) async fn finish(self, window: Duration) -> Result<CallSummary, BoxError> {
        for task in self.tasks {
            task.await?;
        }
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let per_second = |count: u64| count as f64 / window.as_secs_f64();
        Ok(CallSummary {
            per_second: per_second(tally.latencies.count()),
            latencies: [0.5, 0.99].map(|share| micros(tally.latencies.quantile(share))),
            refused_per_second: per_second(tally.refused),
            failed: tally.failures.count,
            first_failure: tally.failures.first.as_ref().map(ToString::to_string),
        })
    }

    /// Starts the calls of a client. They keep its endpoint alive.
    fn echo(&mut self, client: &impl Echo, clock: &Arc<Clock>) {
        for _ in 0..CALLS_PER_PEER {
            let number = self.tasks.len() as u32;
            let (client, clock, tally) = (client.clone(), Arc::clone(clock), Arc::clone(&self.tally));
            self.tasks.push(Handle::current().spawn(echo_until_over(client, number, clock, tally)));
        }
    }
}

/// A client with a method that returns its argument.
trait Echo: Clone + Send + Sync + 'static {
    fn echo(&self, bytes: &[u8]) -> Call<Vec<u8>>;
}

impl Echo for TargetClient {
    fn echo(&self, bytes: &[u8]) -> Call<Vec<u8>> {
        Self::echo(self, bytes).without_delivery()
    }
}

impl Echo for MemberTargetClient {
    fn echo(&self, bytes: &[u8]) -> Call<Vec<u8>> {
        self.echo_of_member(bytes).without_delivery()
    }
}

/// Binds a peer that serves, so that the target can call it.
async fn peer(ip: [u8; 4]) -> Result<Endpoint, BoxError> {
    let builder = Endpoint::builder().serve(TargetServer::new(TargetService));
    Ok(builder.bind((Ipv4Addr::from(ip), 0)).await?)
}

/// Makes one echo after the other until the phase is `Over`. A call belongs to the phase in which
/// it began.
async fn echo_until_over(client: impl Echo, number: u32, clock: Arc<Clock>, tally: Arc<Mutex<Tally>>) {
    let mut payload = [0xab; PAYLOAD_LEN];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    for count in 0_u32.. {
        let phase = clock.phase();
        if phase == Phase::Over {
            break;
        }
        payload[4..8].copy_from_slice(&count.to_be_bytes());
        let begin = Instant::now();
        let echoed = client.echo(&payload).await;
        let took = begin.elapsed();
        // All callers of a kind share one histogram. More histograms would count as memory of the
        // flood.
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        match echoed {
            Ok(echoed) if echoed != payload => tally.failures.add("the response differs from the request"),
            Ok(_) if phase == Phase::Measured => tally.latencies.record(took.as_nanos() as u64, 1),
            Ok(_) => {}
            Err(error) => tally.failures.add(error),
        }
    }
}

/// Makes one lookup after the other until the phase is `Over`.
async fn look_up_until_over(client: TargetClient, clock: Arc<Clock>, tally: Arc<Mutex<Tally>>) {
    /// The time between a refusal as busy and the next lookup.
    const PAUSE: Duration = Duration::from_millis(10);

    loop {
        let phase = clock.phase();
        if phase == Phase::Over {
            break;
        }
        let begin = Instant::now();
        let found = client.lookup(vec![0xab; PAYLOAD_LEN]).await;
        let took = begin.elapsed();
        let is_busy = matches!(found, Err(CallError::Refused { reason: Refusal::Busy, .. }));
        {
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            let count = u64::from(phase == Phase::Measured);
            match found {
                Ok(_) => tally.latencies.record(took.as_nanos() as u64, count),
                Err(_) if is_busy => tally.refused += count,
                Err(error) => tally.failures.add(error),
            }
        }
        if is_busy {
            sleep(PAUSE).await;
        }
    }
}

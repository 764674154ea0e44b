//! The legitimate callers: peers that the endpoint knows, and peers that it does not.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rpcudp::{CallError, Endpoint, Refusal, rpc_service};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::measuring::{BoxError, Clock, Failures, Latencies, Phase, micros};

/// What is attacked.
#[rpc_service]
pub(super) trait Target {
    /// Gives back what came. A legitimate caller asks again: its datagrams share the kernel's buffer with the flood.
    #[rpc(at_least_once)]
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
    /// Gives it back after [`LOOKUP_TIME`].
    #[rpc(at_least_once)]
    async fn lookup(&self, bytes: Vec<u8>) -> Vec<u8>;
    /// So many bytes, for few: what a reflector wants.
    fn expand(&self, len: u32) -> Vec<u8>;
}

/// How long a lookup takes. It waits and does not compute: what is to run out is the number of handlers.
pub(super) const LOOKUP_TIME: Duration = Duration::from_millis(100);

/// Serves it.
#[derive(Debug)]
pub(super) struct TargetService;

impl Target for TargetService {
    fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.into()
    }

    async fn lookup(&self, bytes: Vec<u8>) -> Vec<u8> {
        sleep(LOOKUP_TIME).await;
        bytes
    }

    fn expand(&self, len: u32) -> Vec<u8> {
        vec![0xab; len as usize]
    }
}

/// How many peers there are of each kind, each with an address and an endpoint of its own: with fewer, a peer would call as
/// often as one source may.
const PEER_COUNT: u8 = 8;

/// How many calls each has in flight.
const CALLS_PER_PEER: u32 = 4;

/// How many bytes an echo carries.
const PAYLOAD_LEN: usize = 32;

/// Callers of one kind, and what their calls come to.
#[derive(Debug, Default)]
pub(super) struct Callers {
    tally: Arc<Mutex<Tally>>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Tally {
    latencies: Latencies,
    refused: u64,
    failures: Failures,
}

/// What the calls of one kind of callers came to.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct CallSummary {
    pub(super) per_second: f64,
    /// In microseconds: the median and the 99th percentile.
    pub(super) latencies: [f64; 2],
    /// As busy, for each second.
    pub(super) refused_per_second: f64,
    /// In all the time that they called.
    pub(super) failed: u64,
    pub(super) first_failure: Option<String>,
}

impl Callers {
    /// Peers that `target` has called, and that have answered.
    ///
    /// # Errors
    ///
    /// Where an endpoint cannot be had, or one did not answer.
    pub(super) async fn validated(target: &Endpoint, clock: &Arc<Clock>) -> Result<Self, BoxError> {
        let mut callers = Self::default();
        for number in 1..=PEER_COUNT {
            let peer = peer([127, 0, 2, number]).await?;
            TargetClient::new(target, peer.local_addr()).echo(b"who are you").await?;
            callers.echo(&peer, target.local_addr(), clock);
        }
        Ok(callers)
    }

    /// Peers that `target` has never called.
    ///
    /// # Errors
    ///
    /// Where an endpoint cannot be had.
    pub(super) async fn unvalidated(target: SocketAddr, clock: &Arc<Clock>) -> Result<Self, BoxError> {
        let mut callers = Self::default();
        for number in 1..=PEER_COUNT {
            callers.echo(&peer([127, 0, 3, number]).await?, target, clock);
        }
        Ok(callers)
    }

    /// Strangers that look something up, one after the other.
    ///
    /// # Errors
    ///
    /// Where an endpoint cannot be had.
    pub(super) async fn looking_up(target: SocketAddr, clock: &Arc<Clock>) -> Result<Self, BoxError> {
        let mut callers = Self::default();
        for number in 1..=PEER_COUNT {
            let client = TargetClient::new(&peer([127, 0, 4, number]).await?, target);
            let (tally, clock) = (Arc::clone(&callers.tally), Arc::clone(clock));
            callers.tasks.push(Handle::current().spawn(look_up_until_over(client, clock, tally)));
        }
        Ok(callers)
    }

    /// Waits for the calls that are still under way; `window` is how long was measured.
    ///
    /// # Errors
    ///
    /// Where a caller panicked.
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

    /// Lets `peer` call. The clients keep its endpoint.
    fn echo(&mut self, peer: &Endpoint, target: SocketAddr, clock: &Arc<Clock>) {
        let client = TargetClient::new(peer, target);
        for _ in 0..CALLS_PER_PEER {
            let number = self.tasks.len() as u32;
            let (client, clock, tally) = (client.clone(), Arc::clone(clock), Arc::clone(&self.tally));
            self.tasks.push(Handle::current().spawn(echo_until_over(client, number, clock, tally)));
        }
    }
}

/// A peer that can be called back.
async fn peer(ip: [u8; 4]) -> Result<Endpoint, BoxError> {
    let builder = Endpoint::builder().serve(TargetServer::new(TargetService));
    Ok(builder.bind((Ipv4Addr::from(ip), 0)).await?)
}

/// Each call belongs to the phase that it began in.
async fn echo_until_over(client: TargetClient, number: u32, clock: Arc<Clock>, tally: Arc<Mutex<Tally>>) {
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
        // All callers of a kind share it: a histogram for each would be memory that the flood seems to take.
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        match echoed {
            Ok(echoed) if echoed != payload => tally.failures.add("the answer is not what was sent"),
            Ok(_) if phase == Phase::Measured => tally.latencies.record(took.as_nanos() as u64, 1),
            Ok(_) => {}
            Err(error) => tally.failures.add(error),
        }
    }
}

async fn look_up_until_over(client: TargetClient, clock: Arc<Clock>, tally: Arc<Mutex<Tally>>) {
    /// Who is told that the peer is busy does not ask again at once.
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

use std::future::{Future, poll_fn};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rpcudp::{Call, CallError, Endpoint};
use rpcudp_core::{Dialect, Request, codec};
use serde::{Deserialize, Serialize};
use tokio::runtime;
use tokio::task::yield_now;

use crate::contenders::rpcudp::EchoClient;
use crate::measuring::{BoxError, Latencies, ProcessorTime, resident_len};

/// The result of a round.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Outcome {
    pub(super) at_once: usize,
    pub(super) begin_seconds: f64,
    pub(super) resident_per_call: f64,
    pub(super) future_len: usize,
    pub(super) datagram_len: usize,
    /// The processor time while all calls were pending, as a share of one core.
    pub(super) waiting_cpu: f64,
    pub(super) ending_cpu_micros: f64,
    pub(super) end_seconds: f64,
    /// The time between the timeout and the end of the call: the median, the 99th percentile and
    /// the maximum.
    pub(super) late_millis: [f64; 3],
    pub(super) failed: usize,
    pub(super) first_failure: Option<String>,
}

/// The number of calls per task. One task per call would measure tokio's tasks; one task for all
/// calls would poll all of them each time that one ends.
const CALLS_PER_TASK: usize = 64;

type EchoCall = Call<Vec<u8>>;

/// Makes `count` calls of this size to silent peers, and measures them until all have timed out.
///
/// # Errors
///
/// Returns an error if a socket cannot be bound, or if calls are still pending long after their
/// timeout.
pub(super) fn run(count: usize, peers: u32, size: usize, timeout: Duration) -> Result<Outcome, BoxError> {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // Bound and never read, so that no response and no ICMP message is sent.
    let silent = UdpSocket::bind("0.0.0.0:0")?;
    let peers = Peers { port: silent.local_addr()?.port(), count: peers };
    let endpoint =
        runtime.block_on(async { Endpoint::builder().timeout(timeout).max_calls(count).bind("127.0.0.1:0").await })?;
    let client = EchoClient::new(&endpoint, peers.at(0));
    let payload = vec![0xab_u8; size];
    let log = Arc::new(CallLog::new(count, timeout));

    let (resident_before, begin) = (resident_len()?, Instant::now());
    let log_of_tasks = Arc::clone(&log);
    runtime.spawn(async move {
        for first in (0..count).step_by(CALLS_PER_TASK) {
            let client = client.with_peer(peers.at(first / CALLS_PER_TASK));
            let calls = (first..count.min(first + CALLS_PER_TASK)).map(|_| Some(client.echo(&payload))).collect();
            tokio::spawn(CallGroup { calls, first, log: Arc::clone(&log_of_tasks) }.wait());
            // Let the endpoint send the requests so far, so that calls do not begin faster than it
            // can send.
            yield_now().await;
        }
    });
    let limit = begin + 2 * timeout + Duration::from_secs(60);
    wait_until(limit, || log.begun.load(Ordering::Acquire) == count)?;
    let at_once = count - log.ended.load(Ordering::Acquire);
    let (begun, resident) = (Instant::now(), resident_len()?.saturating_sub(resident_before));

    // Sleep until shortly before the first timeout.
    let cpu_begun = ProcessorTime::now();
    sleep((begin + timeout.mul_f64(0.98)).saturating_duration_since(begun));
    let (waited, cpu_waited) = (begun.elapsed(), ProcessorTime::now());
    wait_until(limit, || log.ended.load(Ordering::Acquire) > 0)?;
    let first_end = Instant::now();
    wait_until(limit, || log.ended.load(Ordering::Acquire) == count)?;
    let (end, cpu_end) = (first_end.elapsed(), ProcessorTime::now());

    let failures = log.failures.lock().expect("no thread panics while it holds the lock");
    Ok(Outcome {
        at_once,
        begin_seconds: (begun - begin).as_secs_f64(),
        resident_per_call: resident as f64 / count as f64,
        future_len: size_of::<EchoCall>(),
        datagram_len: datagram_len(size)?,
        waiting_cpu: cpu_waited.ours_since(cpu_begun).div_duration_f64(waited.max(Duration::from_millis(1))),
        ending_cpu_micros: cpu_end.ours_since(cpu_waited).as_secs_f64() * 1e6 / count as f64,
        end_seconds: end.as_secs_f64(),
        late_millis: log.late_millis(),
        failed: failures.0,
        first_failure: failures.1.clone(),
    })
}

/// Addresses of loopback, all of which reach the silent socket.
#[derive(Clone, Copy)]
struct Peers {
    port: u16,
    count: u32,
}

impl Peers {
    fn at(self, index: usize) -> SocketAddr {
        let first = u32::from(Ipv4Addr::new(127, 1, 0, 0));
        SocketAddr::from((Ipv4Addr::from(first + index as u32 % self.count), self.port))
    }
}

/// The times at which calls begin and end. Allocated in full before the first call, so that it does
/// not count as memory of the calls.
struct CallLog {
    origin: Instant,
    timeout: Duration,
    begun: AtomicUsize,
    ended: AtomicUsize,
    /// For each call, in microseconds: the time of its beginning, and after its end the time since
    /// its timeout.
    micros: Vec<AtomicU32>,
    /// The number of calls that ended early or without a timeout, and the error of the first.
    failures: Mutex<(usize, Option<String>)>,
}

impl CallLog {
    fn new(count: usize, timeout: Duration) -> Self {
        Self {
            origin: Instant::now(),
            timeout,
            begun: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            // Not zero, because untouched pages of zeros would not be resident.
            micros: (0..count).map(|_| AtomicU32::new(u32::MAX)).collect(),
            failures: Mutex::default(),
        }
    }

    fn record_begin(&self, index: usize) {
        self.micros[index].store(self.now(), Ordering::Relaxed);
    }

    fn record_end(&self, index: usize, result: Result<Vec<u8>, CallError>) {
        // Both times are rounded down, so their difference may be too small by one.
        let waited = self.now() + 1 - self.micros[index].load(Ordering::Relaxed);
        let late = waited.checked_sub(self.timeout.as_micros() as u32);
        self.micros[index].store(late.unwrap_or_default(), Ordering::Relaxed);
        let error = match (result, late) {
            (Err(CallError::Timeout { .. }), Some(_)) => None,
            (Err(CallError::Timeout { .. }), None) => Some(format!("a timeout after {waited} us")),
            (Err(error), _) => Some(error.to_string()),
            (Ok(_), _) => Some("a response from a silent peer".into()),
        };
        if let Some(error) = error {
            let mut failures = self.failures.lock().expect("no thread panics while it holds the lock");
            failures.0 += 1;
            failures.1.get_or_insert(error);
        }
        self.ended.fetch_add(1, Ordering::Release);
    }

    fn now(&self) -> u32 {
        u32::try_from(self.origin.elapsed().as_micros()).expect("a round takes less than an hour")
    }

    fn late_millis(&self) -> [f64; 3] {
        let mut late = Latencies::default();
        for micros in &self.micros {
            late.record(u64::from(micros.load(Ordering::Relaxed)) * 1000, 1);
        }
        [0.5, 0.99, 1.0].map(|share| late.quantile(share).as_secs_f64() * 1e3)
    }
}

/// The calls of one task. `first` is the number of the first call.
struct CallGroup {
    calls: Vec<Option<EchoCall>>,
    first: usize,
    log: Arc<CallLog>,
}

impl CallGroup {
    async fn wait(mut self) {
        let mut has_begun = false;
        poll_fn(|cx| {
            let polled = self.poll(cx, !has_begun);
            if !has_begun {
                has_begun = true;
                self.log.begun.fetch_add(self.calls.len(), Ordering::Release);
            }
            polled
        })
        .await;
    }

    fn poll(&mut self, cx: &mut Context<'_>, is_first: bool) -> Poll<()> {
        let mut all_ended = true;
        for (index, slot) in (self.first..).zip(&mut self.calls) {
            let Some(call) = slot else { continue };
            if is_first {
                self.log.record_begin(index);
            }
            match Pin::new(call).poll(cx) {
                Poll::Ready(result) => {
                    *slot = None;
                    self.log.record_end(index, result);
                }
                Poll::Pending => all_ended = false,
            }
        }
        if all_ended { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Returns the length of the datagram of a request.
fn datagram_len(size: usize) -> Result<usize, BoxError> {
    let mut datagram = Vec::new();
    Request::begin(&mut datagram, Dialect::Rpcudp, "echo", 1);
    codec::encode(&mut datagram, &vec![0xab_u8; size])?;
    Ok(datagram.len())
}

/// Waits until a condition holds, and checks it once a millisecond.
fn wait_until(limit: Instant, condition: impl Fn() -> bool) -> Result<(), BoxError> {
    while !condition() {
        if Instant::now() > limit {
            return Err("calls are still pending long after their timeout".into());
        }
        sleep(Duration::from_millis(1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_to_silent_peers_time_out_and_never_early() {
        let outcome = run(200, 3, 32, Duration::from_millis(300)).unwrap();
        assert_eq!(outcome.failed, 0, "{outcome:?}");
        assert_eq!(outcome.datagram_len, 1 + 20 + 1 + 5 + 1 + 2 + 32);
    }
}

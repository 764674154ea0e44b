use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rand::RngExt;
use rpcudp_core::codec::{Arguments, decode, encode};
use rpcudp_core::{Dialect, Frame, MessageId, Request};
use serde::Serialize;
use tokio::net::UdpSocket;
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::measuring::BoxError;

/// Members of a server, each with a socket of its own. They speak the protocol without an endpoint,
/// so that ten thousand of them fit on a small machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Members {
    pub(super) server: SocketAddr,
    pub(super) count: u32,
}

/// The number of members that an event has reached, for each event.
#[derive(Debug)]
struct Tally {
    count: u32,
    reached: [AtomicU32; Self::MAX_EVENTS],
}

impl Tally {
    const MAX_EVENTS: usize = 64;

    fn record(&self, game: u32) {
        let Some(reached) = self.reached.get(game as usize) else { return };
        if reached.fetch_add(1, Ordering::Relaxed) + 1 == self.count {
            println!("game {game} {}", nanos_now());
        }
    }
}

impl Members {
    /// Members that join at a time.
    const JOINS: usize = 64;

    /// Joins, prints `joined`, and prints the time at which each event has reached all, until the
    /// process is killed.
    ///
    /// # Errors
    ///
    /// Returns an error if a socket cannot be bound, or if a member cannot join.
    pub(super) fn run(self) -> Result<(), BoxError> {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let tally =
                Arc::new(Tally { count: self.count, reached: [const { AtomicU32::new(0) }; Tally::MAX_EVENTS] });
            let joins = Arc::new(Semaphore::new(Self::JOINS));
            let joined = Arc::new(AtomicU32::new(0));
            let mut tasks = JoinSet::new();
            for _ in 0..self.count {
                let (tally, joins, joined) = (Arc::clone(&tally), Arc::clone(&joins), Arc::clone(&joined));
                tasks.spawn(async move {
                    let permit = joins.acquire().await?;
                    let member = Member::join(self.server).await?;
                    drop(permit);
                    if joined.fetch_add(1, Ordering::Relaxed) + 1 == self.count {
                        println!("joined");
                    }
                    member.stay(&tally).await
                });
            }
            while let Some(ended) = tasks.join_next().await {
                ended??;
            }
            Ok(())
        })
    }
}

struct Member {
    socket: UdpSocket,
    /// The session, as its 16 bytes.
    session: Vec<u8>,
    lease: Duration,
}

impl Member {
    async fn join(server: SocketAddr) -> Result<Self, BoxError> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(server).await?;
        let (key, mut token) = (rand::rng().random::<u64>(), None::<u64>);
        for _ in 0..20 {
            let datagram = request(
                "rpc.join",
                |out| {
                    put(out, &(1_u32))?;
                    put(out, "")?;
                    put(out, &key)?;
                    put(out, &[(); 0])?;
                    put(out, &token)
                },
                5,
            )?;
            socket.send(&datagram).await?;
            let mut buffer = [0; 200];
            let Ok(received) = timeout(Duration::from_secs(1), socket.recv(&mut buffer)).await else { continue };
            let Ok(Frame::Response(response)) = Frame::decode(&buffer[..received?], Dialect::Rpcudp) else { continue };
            if let Ok((session, lease, _)) = decode::<(Vec<u8>, u64, u64)>(response.body) {
                return Ok(Self { socket, session, lease: Duration::from_millis(lease) });
            }
            token = Some(decode::<((), u64)>(response.body)?.1);
        }
        Err("a member could not join".into())
    }

    /// Keeps the session alive as an endpoint does, and counts events.
    async fn stay(self, tally: &Tally) -> Result<(), BoxError> {
        let mut buffer = [0; 200];
        let mut next_keep = self.next_keep();
        loop {
            tokio::select! {
                received = self.socket.recv(&mut buffer) => {
                    if let Ok(Frame::Request(request)) = Frame::decode(&buffer[..received?], Dialect::Rpcudp)
                        && request.method == "started"
                        && let Ok(game) = Arguments::new(request.arguments).take("game")
                    {
                        tally.record(game);
                    }
                }
                () = sleep_until(next_keep) => {
                    self.socket.send(&request("rpc.keep", |out| put(out, serde_bytes::Bytes::new(&self.session)), 1)?).await?;
                    next_keep = self.next_keep();
                }
            }
        }
    }

    fn next_keep(&self) -> Instant {
        Instant::now() + (self.lease / 2).mul_f64(rand::rng().random_range(0.9..1.0))
    }
}

fn request(
    method: &str,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), BoxError>,
    argument_count: u32,
) -> Result<Vec<u8>, BoxError> {
    let mut datagram = Vec::new();
    Request::begin(&mut datagram, Dialect::Rpcudp, method, argument_count);
    write(&mut datagram)?;
    Request::set_id(&mut datagram, MessageId::without_slot(rand::rng().random()));
    // As the requests of an endpoint, with a remaining time.
    Request::end(&mut datagram, Duration::from_secs(5));
    Ok(datagram)
}

fn put(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> Result<(), BoxError> {
    Ok(encode(out, value)?)
}

/// Returns the system's time in nanoseconds, which both processes have.
pub(super) fn nanos_now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_nanos()).unwrap_or_default()
}

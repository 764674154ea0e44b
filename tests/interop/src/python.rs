use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::stderr_file::StderrFile;
use crate::{Ended, Package};

/// A Python peer that runs: a process that serves what `python/peer.py` says, and calls what it is told to.
///
/// It is killed when this is dropped.
#[derive(Debug)]
pub struct Python {
    addr: SocketAddr,
    order_count: AtomicU64,
    stdin: tokio::sync::Mutex<ChildStdin>,
    waiting: Waiting,
    notes: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
    // Dropped in this order: what the process wrote is shown when it writes no more.
    _child: Child,
    stderr: StderrFile,
}

/// Who waits for what came of an order.
type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Vec<Ended>>>>>;

/// A line to the peer's stdin.
#[derive(Serialize)]
struct Order<'a> {
    id: u64,
    to: (IpAddr, u16),
    method: &'a str,
    arguments: &'a [Vec<String>],
    at_once: usize,
}

/// A line from the peer's stdout.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    /// The first line.
    Ready {
        port: u16,
        package: String,
    },
    Ended {
        id: u64,
        calls: Vec<Ended>,
    },
    /// A handler ran that tells.
    Noted(String),
}

impl Python {
    /// How long the peer may take for anything: starting up on a busy machine, or a thousand calls.
    const LIMIT: Duration = Duration::from_secs(60);

    pub(crate) async fn greet(mut child: Child, stderr: StderrFile, package: Package, host: IpAddr) -> Self {
        let stdin = child.stdin.take().expect("its stdin is a pipe");
        let mut stdout = BufReader::new(child.stdout.take().expect("its stdout is a pipe"));
        let mut line = String::new();
        let read = timeout(Self::LIMIT, stdout.read_line(&mut line)).await;
        assert!(matches!(read, Ok(Ok(1..))), "the peer with {package} did not come up: {read:?}");
        let Message::Ready { port, package: found } = parse(&line) else { panic!("not a greeting: {line}") };
        assert_eq!(found, package.to_string(), "the virtual environment holds another package");

        let waiting = Waiting::default();
        let (send_note, notes) = mpsc::unbounded_channel();
        tokio::spawn(listen(stdout, Arc::clone(&waiting), send_note));
        Self {
            addr: (host, port).into(),
            order_count: AtomicU64::new(0),
            stdin: stdin.into(),
            waiting,
            notes: notes.into(),
            _child: child,
            stderr,
        }
    }

    /// Where its methods can be called.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Lets the peer call a method with these arguments, which are Python literals, and says how that ended.
    ///
    /// # Panics
    ///
    /// Where the peer does not say, or an argument is no literal.
    pub async fn call(&self, to: SocketAddr, method: &str, arguments: &[&str]) -> Ended {
        let arguments = arguments.iter().map(|&literal| literal.into()).collect();
        let ended = self.calls(to, method, &[arguments], 1).await;
        let [ended] = <[_; 1]>::try_from(ended).expect("one call ends once");
        ended
    }

    /// Lets the peer call a method once for each list of arguments, so many at once, and says how they ended.
    ///
    /// # Panics
    ///
    /// As for one call.
    pub async fn calls(&self, to: SocketAddr, method: &str, arguments: &[Vec<String>], at_once: usize) -> Vec<Ended> {
        let id = self.order_count.fetch_add(1, Ordering::Relaxed);
        let order = Order { id, to: (to.ip(), to.port()), method, arguments, at_once };
        let mut line = serde_json::to_vec(&order).expect("an order is made of strings and numbers");
        line.push(b'\n');
        let (send, receive) = oneshot::channel();
        lock(&self.waiting).insert(id, send);
        let obeyed = timeout(Self::LIMIT, async {
            self.stdin.lock().await.write_all(&line).await.ok()?;
            receive.await.ok()
        });
        match obeyed.await {
            Ok(Some(ended)) => ended,
            Ok(None) => panic!("the peer has ended"),
            Err(_) => panic!("the peer did not say within {:?} how its calls of `{method}` ended", Self::LIMIT),
        }
    }

    /// Waits until a handler of the peer runs that tells, and gives what it was given.
    ///
    /// # Panics
    ///
    /// Where none does.
    pub async fn noted(&self) -> String {
        match timeout(Self::LIMIT, async { self.notes.lock().await.recv().await }).await {
            Ok(Some(note)) => note,
            Ok(None) => panic!("the peer has ended"),
            Err(_) => panic!("no handler of the peer told anything within {:?}", Self::LIMIT),
        }
    }

    /// What the peer has written to stderr so far. All that led to the end of a call is in it.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }
}

/// Hands on what the peer says, until it says no more.
async fn listen(stdout: BufReader<ChildStdout>, waiting: Waiting, notes: mpsc::UnboundedSender<String>) {
    let mut lines = stdout.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match parse(&line) {
            Message::Ready { .. } => panic!("a second greeting: {line}"),
            Message::Ended { id, calls } => {
                let waits = lock(&waiting).remove(&id).expect("an order ends once");
                // The test may have given up on it.
                drop(waits.send(calls));
            }
            Message::Noted(note) => drop(notes.send(note)),
        }
    }
    lock(&waiting).clear();
}

fn parse(line: &str) -> Message {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the peer's line {line}"))
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Vec<Ended>>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

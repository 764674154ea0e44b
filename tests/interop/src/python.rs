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
use crate::{CallOutcome, Package};

/// A running Python peer: a process that serves the methods of `python/peer.py` and makes the calls
/// that the test requests.
///
/// The process is killed on drop.
#[derive(Debug)]
pub struct Python {
    addr: SocketAddr,
    instruction_count: AtomicU64,
    stdin: tokio::sync::Mutex<ChildStdin>,
    pending: Pending,
    notes: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
    // The order of the drops: the process is killed before its stderr is shown.
    _child: Child,
    stderr: StderrFile,
}

/// The senders of the outcomes of pending instructions, by id.
type Pending = Arc<Mutex<HashMap<u64, oneshot::Sender<Vec<CallOutcome>>>>>;

/// A line on the peer's stdin.
#[derive(Serialize)]
struct Instruction<'a> {
    id: u64,
    to: (IpAddr, u16),
    method: &'a str,
    arguments: &'a [Vec<String>],
    concurrency: usize,
}

/// A line on the peer's stdout.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    /// The first line: the peer is ready.
    Ready {
        port: u16,
        package: String,
    },
    Finished {
        id: u64,
        outcomes: Vec<CallOutcome>,
    },
    /// The handler of a method `note` or `note_slowly` ran with this text.
    Noted(String),
}

impl Python {
    /// The time limit of each step: the start on a busy machine, or a thousand calls.
    const LIMIT: Duration = Duration::from_secs(60);

    /// Waits for the first line of a started process.
    pub(crate) async fn handshake(mut child: Child, stderr: StderrFile, package: Package, host: IpAddr) -> Self {
        let stdin = child.stdin.take().expect("stdin is a pipe");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let mut line = String::new();
        let read = timeout(Self::LIMIT, stdout.read_line(&mut line)).await;
        assert!(matches!(read, Ok(Ok(1..))), "the peer with {package} did not start: {read:?}");
        let Message::Ready { port, package: found } = parse(&line) else {
            panic!("the first line is not `ready`: {line}")
        };
        assert_eq!(found, package.to_string(), "the virtual environment holds another package");

        let pending = Pending::default();
        let (send_note, notes) = mpsc::unbounded_channel();
        tokio::spawn(listen(stdout, Arc::clone(&pending), send_note));
        Self {
            addr: (host, port).into(),
            instruction_count: AtomicU64::new(0),
            stdin: stdin.into(),
            pending,
            notes: notes.into(),
            _child: child,
            stderr,
        }
    }

    /// Returns the address of the peer's methods.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Has the peer call a method with these arguments, which are Python literals.
    ///
    /// # Panics
    ///
    /// Panics if the peer does not report the outcome, or an argument is not a literal.
    pub async fn call(&self, to: SocketAddr, method: &str, arguments: &[&str]) -> CallOutcome {
        let arguments = arguments.iter().map(|&literal| literal.into()).collect();
        let outcomes = self.calls(to, method, &[arguments], 1).await;
        let [outcome] = <[_; 1]>::try_from(outcomes).expect("one call has one outcome");
        outcome
    }

    /// Has the peer call a method once for each list of arguments, `concurrency` calls at a time.
    ///
    /// # Panics
    ///
    /// Panics in the same cases as [`call`](Self::call).
    pub async fn calls(
        &self,
        to: SocketAddr,
        method: &str,
        arguments: &[Vec<String>],
        concurrency: usize,
    ) -> Vec<CallOutcome> {
        let id = self.instruction_count.fetch_add(1, Ordering::Relaxed);
        let instruction = Instruction { id, to: (to.ip(), to.port()), method, arguments, concurrency };
        let mut line = serde_json::to_vec(&instruction).expect("an instruction is plain data");
        line.push(b'\n');
        let (send, receive) = oneshot::channel();
        lock(&self.pending).insert(id, send);
        let result = timeout(Self::LIMIT, async {
            self.stdin.lock().await.write_all(&line).await.ok()?;
            receive.await.ok()
        });
        match result.await {
            Ok(Some(outcomes)) => outcomes,
            Ok(None) => panic!("the peer has ended"),
            Err(_) => {
                panic!("the peer did not report the outcomes of its calls of `{method}` within {:?}", Self::LIMIT)
            }
        }
    }

    /// Waits until the peer's `note` or `note_slowly` runs, and returns the text that it received.
    ///
    /// # Panics
    ///
    /// Panics if neither runs within a minute.
    pub async fn noted(&self) -> String {
        match timeout(Self::LIMIT, async { self.notes.lock().await.recv().await }).await {
            Ok(Some(note)) => note,
            Ok(None) => panic!("the peer has ended"),
            Err(_) => panic!("neither `note` nor `note_slowly` ran within {:?}", Self::LIMIT),
        }
    }

    /// Returns the peer's stderr so far. It contains everything written before the end of a call.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }
}

/// Forwards the lines of the peer until it ends.
async fn listen(stdout: BufReader<ChildStdout>, pending: Pending, notes: mpsc::UnboundedSender<String>) {
    let mut lines = stdout.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match parse(&line) {
            Message::Ready { .. } => panic!("a second `ready` line: {line}"),
            Message::Finished { id, outcomes } => {
                let sender = lock(&pending).remove(&id).expect("an instruction finishes once");
                // The test may have stopped waiting.
                drop(sender.send(outcomes));
            }
            Message::Noted(note) => drop(notes.send(note)),
        }
    }
    lock(&pending).clear();
}

fn parse(line: &str) -> Message {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the peer's line {line}"))
}

fn lock(pending: &Pending) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Vec<CallOutcome>>>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

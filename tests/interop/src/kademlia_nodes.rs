use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::stderr_file::StderrFile;
use crate::{Package, Venv};

/// Nodes of Python's `kademlia`, all in one process: what `python/kademlia_nodes.py` says.
///
/// The process is killed when this is dropped.
#[derive(Debug)]
pub struct KademliaNodes {
    order_count: AtomicU64,
    stdin: tokio::sync::Mutex<ChildStdin>,
    waiting: Waiting,
    // Dropped in this order: what the process wrote is shown when it writes no more.
    _child: Child,
    _stderr: StderrFile,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct KademliaNode {
    number: usize,
    /// Where it listens.
    pub addr: SocketAddr,
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

/// A line to the process's stdin.
#[derive(Serialize)]
struct Order<'a, A> {
    id: u64,
    method: &'a str,
    arguments: A,
}

/// A line from its stdout.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    /// The first line: which package there is.
    Ready(String),
    Ended {
        id: u64,
        result: Value,
    },
}

impl KademliaNodes {
    /// How long one order may take: hundreds of lookups on a busy machine.
    const LIMIT: Duration = Duration::from_secs(100);

    const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

    /// Starts the process, without a node.
    ///
    /// # Panics
    ///
    /// Where it does not come up.
    pub async fn start(venv: &Venv) -> Self {
        assert_eq!(venv.package(), Package::Kademlia, "the package that these are nodes of");
        let (stderr, stderr_end) = StderrFile::create(venv.scratch()).expect("the target directory can be written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(venv.package().script());
        let mut command = Command::new(venv.python());
        command.arg("-B").arg(script);
        command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").env("PYTHONIOENCODING", "utf-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr_end).kill_on_drop(true);
        let mut child = command.spawn().expect("the interpreter of a virtual environment can be run");
        let stdin = child.stdin.take().expect("its stdin is a pipe");
        let mut stdout = BufReader::new(child.stdout.take().expect("its stdout is a pipe"));
        let mut line = String::new();
        let read = timeout(Self::LIMIT, stdout.read_line(&mut line)).await;
        assert!(matches!(read, Ok(Ok(1..))), "the nodes did not come up: {read:?}");
        let Message::Ready(found) = parse(&line) else { panic!("not a greeting: {line}") };
        assert_eq!(found, venv.package().to_string(), "the virtual environment holds another package");
        let waiting = Waiting::default();
        tokio::spawn(listen(stdout, Arc::clone(&waiting)));
        Self { order_count: AtomicU64::new(0), stdin: stdin.into(), waiting, _child: child, _stderr: stderr }
    }

    /// A node with nobody to talk to, on 127.0.0.1.
    pub async fn listen(&self) -> KademliaNode {
        let (number, port): (usize, u16) = self.order("listen", [Self::HOST]).await;
        KademliaNode { number, addr: (Self::HOST, port).into() }
    }

    /// Python's `bootstrap`. Gives how many nodes it found.
    pub async fn bootstrap(&self, node: KademliaNode, addrs: &[SocketAddr]) -> usize {
        let addrs: Vec<_> = addrs.iter().map(|addr| (addr.ip(), addr.port())).collect();
        self.order("bootstrap", (node.number, addrs)).await
    }

    /// Python's `set`, of the value of a literal. Gives a description of what it returned.
    pub async fn set(&self, node: KademliaNode, key: &str, literal: &str) -> String {
        self.order("set", (node.number, key, literal)).await
    }

    /// Python's `get`. Gives a description of the value: `int 7`, or `None`.
    pub async fn get(&self, node: KademliaNode, key: &str) -> String {
        self.order("get", (node.number, key)).await
    }

    /// Python's `get`, many times.
    pub async fn get_all(&self, asked: &[(KademliaNode, String)]) -> Vec<String> {
        let asked: Vec<_> = asked.iter().map(|(node, key)| (node.number, key)).collect();
        self.order("get_all", [asked]).await
    }

    /// A description of what a node itself has stored under a key, or `None`.
    pub async fn stored(&self, node: KademliaNode, key: &str) -> String {
        self.order("stored", (node.number, key)).await
    }

    /// Python's `save_state`.
    pub async fn save_state(&self, node: KademliaNode, path: &Path) {
        self.order::<()>("save_state", (node.number, path)).await;
    }

    /// Python's `load_state`: another node, that was there before.
    pub async fn load_state(&self, path: &Path) -> KademliaNode {
        let (number, port): (usize, u16) = self.order("load_state", (path, Self::HOST)).await;
        KademliaNode { number, addr: (Self::HOST, port).into() }
    }

    /// Python's `stop`.
    pub async fn stop(&self, node: KademliaNode) {
        self.order::<()>("stop", [node.number]).await;
    }

    async fn order<T: DeserializeOwned>(&self, method: &str, arguments: impl Serialize) -> T {
        let id = self.order_count.fetch_add(1, Ordering::Relaxed);
        let mut line = serde_json::to_vec(&Order { id, method, arguments }).expect("an order is plain data");
        line.push(b'\n');
        let (send, receive) = oneshot::channel();
        lock(&self.waiting).insert(id, send);
        let obeyed = timeout(Self::LIMIT, async {
            self.stdin.lock().await.write_all(&line).await.ok()?;
            receive.await.ok()
        });
        match obeyed.await {
            Ok(Some(result)) => serde_json::from_value(result).expect("the script answers as this expects"),
            Ok(None) => panic!("the nodes have ended"),
            Err(_) => panic!("`{method}` did not end within {:?}", Self::LIMIT),
        }
    }
}

async fn listen(stdout: BufReader<ChildStdout>, waiting: Waiting) {
    let mut lines = stdout.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Message::Ended { id, result } = parse(&line) else { panic!("a second greeting: {line}") };
        let waits = lock(&waiting).remove(&id).expect("an order ends once");
        // The test may have given up on it.
        drop(waits.send(result));
    }
    lock(&waiting).clear();
}

fn parse(line: &str) -> Message {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the line {line}"))
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Value>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

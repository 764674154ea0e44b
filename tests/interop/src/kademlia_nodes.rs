use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
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

/// Nodes of Python's `kademlia` in one process, which runs `python/kademlia_nodes.py`.
///
/// The process is killed on drop.
#[derive(Debug)]
pub struct KademliaNodes {
    instruction_count: AtomicU64,
    stdin: tokio::sync::Mutex<ChildStdin>,
    pending: Pending,
    // The order of the drops: the process is killed before its stderr is shown.
    _child: Child,
    _stderr: StderrFile,
}

/// A node of Python's `kademlia`.
#[derive(Clone, Copy, Debug)]
pub struct KademliaNode {
    number: usize,
    /// The address that the node listens on.
    pub addr: SocketAddr,
}

/// The senders of the results of pending instructions, by id.
type Pending = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

/// A line on the stdin of the process.
#[derive(Serialize)]
struct Instruction<'a, A> {
    id: u64,
    method: &'a str,
    arguments: A,
}

/// A line on the stdout of the process.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    /// The first line: the package and its version.
    Ready(String),
    Finished {
        id: u64,
        result: Value,
    },
}

impl KademliaNodes {
    /// The time limit of one instruction, which may make hundreds of lookups on a busy machine.
    const LIMIT: Duration = Duration::from_secs(100);

    const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

    /// Starts the process, without any node.
    ///
    /// # Panics
    ///
    /// Panics if the process does not start.
    pub async fn start(venv: &Venv) -> Self {
        assert_eq!(venv.package(), Package::Kademlia, "the nodes need this package");
        let (stderr, stderr_end) = StderrFile::create(venv.scratch()).expect("the target directory can be written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(venv.package().script());
        let mut command = Command::new(venv.python());
        command.arg("-B").arg(script);
        command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").env("PYTHONIOENCODING", "utf-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr_end).kill_on_drop(true);
        let mut child = command.spawn().expect("the interpreter of a virtual environment can be run");
        let stdin = child.stdin.take().expect("stdin is a pipe");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let mut line = String::new();
        let read = timeout(Self::LIMIT, stdout.read_line(&mut line)).await;
        assert!(matches!(read, Ok(Ok(1..))), "the process did not start: {read:?}");
        let Message::Ready(found) = parse(&line) else { panic!("the first line is not `ready`: {line}") };
        assert_eq!(found, venv.package().to_string(), "the virtual environment holds another package");
        let pending = Pending::default();
        tokio::spawn(listen(stdout, Arc::clone(&pending)));
        Self { instruction_count: AtomicU64::new(0), stdin: stdin.into(), pending, _child: child, _stderr: stderr }
    }

    /// Starts a node without neighbours, on 127.0.0.1.
    pub async fn listen(&self) -> KademliaNode {
        self.listen_on(Self::HOST.into()).await
    }

    /// Starts a node without neighbours, on one address.
    pub async fn listen_on(&self, host: IpAddr) -> KademliaNode {
        let (number, port): (usize, u16) = self.execute("listen", [host]).await;
        KademliaNode { number, addr: (host, port).into() }
    }

    /// Starts a node whose id has this number of bytes.
    pub async fn listen_with_id_len(&self, len: usize) -> KademliaNode {
        let (number, port): (usize, u16) = self.execute("listen", (Self::HOST, len)).await;
        KademliaNode { number, addr: (Self::HOST, port).into() }
    }

    /// Calls Python's `set_digest`, which accepts values of any type, with the key's digest.
    /// Returns the milliseconds that it took.
    pub async fn set_digest(&self, node: KademliaNode, key: &str, literal: &str) -> u64 {
        self.execute("set_digest", (node.number, key, literal)).await
    }

    /// Has a node send one `store` request. Returns a description of the response, or `no
    /// response`.
    pub async fn store(&self, node: KademliaNode, to: SocketAddr, key: &str, literal: &str) -> String {
        self.execute("store", (node.number, (to.ip(), to.port()), key, literal)).await
    }

    /// Returns the number of contacts in a node's routing table.
    pub async fn contact_count(&self, node: KademliaNode) -> usize {
        self.execute("contact_count", [node.number]).await
    }

    /// Calls Python's `bootstrap`. Returns the number of neighbours that it found.
    pub async fn bootstrap(&self, node: KademliaNode, addrs: &[SocketAddr]) -> usize {
        let addrs: Vec<_> = addrs.iter().map(|addr| (addr.ip(), addr.port())).collect();
        self.execute("bootstrap", (node.number, addrs)).await
    }

    /// Calls Python's `bootstrap` with a host name.
    pub async fn bootstrap_by_name(&self, node: KademliaNode, host: &str, port: u16) -> usize {
        self.execute("bootstrap", (node.number, [(host, port)])).await
    }

    /// Calls Python's `set` with the value of a literal. Returns a description of the result.
    pub async fn set(&self, node: KademliaNode, key: &str, literal: &str) -> String {
        self.execute("set", (node.number, key, literal)).await
    }

    /// Calls Python's `get`. Returns a description of the value: `int 7`, or `None`.
    pub async fn get(&self, node: KademliaNode, key: &str) -> String {
        self.execute("get", (node.number, key)).await
    }

    /// Calls Python's `get` for each pair of a node and a key.
    pub async fn get_all(&self, lookups: &[(KademliaNode, String)]) -> Vec<String> {
        let lookups: Vec<_> = lookups.iter().map(|(node, key)| (node.number, key)).collect();
        self.execute("get_all", [lookups]).await
    }

    /// Returns a description of the value that a node itself stores under a key, or `None`.
    pub async fn stored(&self, node: KademliaNode, key: &str) -> String {
        self.execute("stored", (node.number, key)).await
    }

    /// Calls Python's `save_state`.
    pub async fn save_state(&self, node: KademliaNode, path: &Path) {
        self.execute::<()>("save_state", (node.number, path)).await;
    }

    /// Calls Python's `load_state`, which starts a node from a saved state.
    pub async fn load_state(&self, path: &Path) -> KademliaNode {
        let (number, port): (usize, u16) = self.execute("load_state", (path, Self::HOST)).await;
        KademliaNode { number, addr: (Self::HOST, port).into() }
    }

    /// Calls Python's `stop`.
    pub async fn stop(&self, node: KademliaNode) {
        self.execute::<()>("stop", [node.number]).await;
    }

    /// Sends an instruction and waits for its result.
    async fn execute<T: DeserializeOwned>(&self, method: &str, arguments: impl Serialize) -> T {
        let id = self.instruction_count.fetch_add(1, Ordering::Relaxed);
        let mut line =
            serde_json::to_vec(&Instruction { id, method, arguments }).expect("an instruction is plain data");
        line.push(b'\n');
        let (send, receive) = oneshot::channel();
        lock(&self.pending).insert(id, send);
        let result = timeout(Self::LIMIT, async {
            self.stdin.lock().await.write_all(&line).await.ok()?;
            receive.await.ok()
        });
        match result.await {
            Ok(Some(result)) => serde_json::from_value(result).expect("the script returns the expected type"),
            Ok(None) => panic!("the process has ended"),
            Err(_) => panic!("`{method}` did not finish within {:?}", Self::LIMIT),
        }
    }
}

/// Reads results until the process ends.
async fn listen(stdout: BufReader<ChildStdout>, pending: Pending) {
    let mut lines = stdout.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Message::Finished { id, result } = parse(&line) else { panic!("a second `ready` line: {line}") };
        let sender = lock(&pending).remove(&id).expect("an instruction finishes once");
        // The test may have stopped waiting.
        drop(sender.send(result));
    }
    lock(&pending).clear();
}

fn parse(line: &str) -> Message {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the line {line}"))
}

fn lock(pending: &Pending) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Value>>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

//! A node that is killed while it writes has all values that it has acknowledged.

#![cfg(feature = "redb")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rpcudp_kademlia::{FindValueResponse, KademliaClient, Key, Node, Value};
use tokio::task::JoinSet;

/// A directory that is removed when it is dropped.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kill-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A node in its own process, killed with SIGKILL when it is dropped.
struct NodeProcess {
    child: Child,
    addr: SocketAddr,
}

impl NodeProcess {
    fn start(dir: &TempDir) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kad"));
        command.args(["node", "--listen", "127.0.0.1:0", "--json", "--storage"]).arg(dir.0.join("values.redb"));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        Self { child, addr: event["addr"].as_str().unwrap().parse().unwrap() }
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn acknowledged_values_survive_a_kill() {
    let dir = TempDir::new();
    let client_node = Node::bind("127.0.0.1:0").await.unwrap();
    let id = client_node.id();
    let mut acknowledged: BTreeMap<Key, Value> = BTreeMap::new();
    let mut next = 0_u64;
    for round in 0..8 {
        let node = NodeProcess::start(&dir);
        let client = KademliaClient::new(client_node.endpoint(), node.addr);
        for (key, value) in &acknowledged {
            let found = client.find_value(id, *key).await.unwrap();
            assert_eq!(found, FindValueResponse::Value { value: value.clone() }, "round {round}");
        }
        // Keeps 16 stores in flight, and kills the node among them, a little later in each round.
        let mut stores = JoinSet::new();
        let mut store = |stores: &mut JoinSet<_>| {
            next += 1;
            let (key, value) = (Key::of(next.to_be_bytes()), Value::Text(format!("value {next} ").repeat(40)));
            let call = client.store(id, key, value.clone());
            stores.spawn(async move { (key, value, call.await.unwrap_or(false)) });
        };
        (0..16).for_each(|_| store(&mut stores));
        for _ in 0..50 + 40 * round {
            let (key, value, is_stored) = stores.join_next().await.unwrap().unwrap();
            if is_stored {
                acknowledged.insert(key, value);
            }
            store(&mut stores);
        }
        drop(node);
        // Responses that were received before the kill count as well.
        for (key, value, is_stored) in stores.join_all().await {
            if is_stored {
                acknowledged.insert(key, value);
            }
        }
    }
    println!("{} values were acknowledged in eight rounds", acknowledged.len());
    assert!(acknowledged.len() > 1_000);
}

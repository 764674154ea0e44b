//! The fifth of the shows: a node is killed while it writes, again and again, and has all that it has acknowledged.

#![cfg(feature = "redb")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rpcudp_kademlia::{FindValueResponse, KademliaClient, Key, Node, Value};
use tokio::task::JoinSet;

/// A directory that goes when its test does.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kill-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A node in a process of its own. Dropped, it is killed like lightning: SIGKILL.
struct Victim {
    child: Child,
    addr: SocketAddr,
}

impl Victim {
    fn start(scratch: &Scratch) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kad"));
        command.args(["node", "--listen", "127.0.0.1:0", "--json", "--storage"]).arg(scratch.0.join("values.redb"));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        Self { child, addr: event["addr"].as_str().unwrap().parse().unwrap() }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let scratch = Scratch::new();
    let us = Node::bind("127.0.0.1:0").await.unwrap();
    let id = us.id();
    let mut acknowledged: BTreeMap<Key, Value> = BTreeMap::new();
    let mut next = 0_u64;
    for round in 0..8 {
        let victim = Victim::start(&scratch);
        let client = KademliaClient::new(us.endpoint(), victim.addr);
        for (key, value) in &acknowledged {
            let found = client.find_value(id, *key).await.unwrap();
            assert_eq!(found, FindValueResponse::Value { value: value.clone() }, "round {round}");
        }
        // Sixteen write at once, and the node is killed in the middle of it: a little later each round.
        let mut stores = JoinSet::new();
        let mut store = |stores: &mut JoinSet<_>| {
            next += 1;
            let (key, value) = (Key::of(next.to_be_bytes()), Value::Text(format!("value {next} ").repeat(40)));
            let call = client.store(id, key, value.clone());
            stores.spawn(async move { (key, value, call.await.unwrap_or(false)) });
        };
        (0..16).for_each(|_| store(&mut stores));
        for _ in 0..50 + 40 * round {
            let (key, value, is_kept) = stores.join_next().await.unwrap().unwrap();
            if is_kept {
                acknowledged.insert(key, value);
            }
            store(&mut stores);
        }
        drop(victim);
        // Answers that came before the kill count as well.
        for (key, value, is_kept) in stores.join_all().await {
            if is_kept {
                acknowledged.insert(key, value);
            }
        }
    }
    println!("{} values were acknowledged in eight lives", acknowledged.len());
    assert!(acknowledged.len() > 1_000);
}

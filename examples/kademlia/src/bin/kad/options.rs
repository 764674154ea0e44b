use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rpcudp_kademlia::{Key, NodeId, Value};

/// A node of a Kademlia network, compatible with the Python package `kademlia`.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a node until Ctrl-C.
    Node(NodeOptions),
    /// Stores a value under a key.
    Put(PutOptions),
    /// Prints the value under a key; exits with 2 if no node has it.
    Get(GetOptions),
    /// Looks up the nodes closest to an id, and prints each query.
    Lookup(LookupOptions),
    /// Runs many nodes in one process, sets keys, and looks them up.
    Swarm(SwarmOptions),
}

#[derive(Debug, Args)]
pub(crate) struct NodeOptions {
    /// The address to listen on. Port 0 takes a free port; `[::]` serves both IPv6 and IPv4.
    /// Default: 0.0.0.0:8468, or `[::]:8468` if the network has IPv6 addresses.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// The address of a node to bootstrap from; may be repeated. Without one, and without contacts
    /// in the state file, the node starts a new network.
    #[arg(long, value_name = "ADDR")]
    pub(crate) bootstrap: Vec<String>,
    /// The file for the node's id and contacts, with which it rejoins its network after a restart.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// The file for stored values, which survive a restart. By default, values are in memory.
    #[cfg(feature = "redb")]
    #[arg(long, value_name = "FILE")]
    pub(crate) storage: Option<PathBuf>,
    /// The limit for values that other nodes store here, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    pub(crate) max_stored: usize,
    /// Does not limit the nodes of one subnet, for a deployment in which all nodes are yours.
    #[arg(long)]
    pub(crate) private: bool,
    /// Prints one line of JSON for each event.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The options of the commands that join a network temporarily.
#[derive(Debug, Args)]
pub(crate) struct NetworkOptions {
    /// The address of a node to bootstrap from; may be repeated.
    #[arg(long, value_name = "ADDR", required = true)]
    pub(crate) bootstrap: Vec<String>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PutOptions {
    /// The key: any text.
    pub(crate) key: String,
    /// The value.
    #[arg(allow_hyphen_values = true)]
    pub(crate) value: String,
    /// The type of the value.
    #[arg(long = "as", value_name = "TYPE", default_value = "str")]
    pub(crate) kind: Kind,
    #[command(flatten)]
    pub(crate) network: NetworkOptions,
}

#[derive(Debug, Args)]
pub(crate) struct GetOptions {
    /// The key: any text.
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) network: NetworkOptions,
}

#[derive(Debug, Args)]
pub(crate) struct LookupOptions {
    /// An id of 40 hexadecimal digits, or with `--key` any text.
    pub(crate) id: String,
    /// Takes the argument as a key, not as an id.
    #[arg(long)]
    pub(crate) key: bool,
    #[command(flatten)]
    pub(crate) network: NetworkOptions,
}

#[derive(Debug, Args)]
pub(crate) struct SwarmOptions {
    /// The number of nodes.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) nodes: u32,
    /// The number of keys to set and to look up, each from a random node.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) keys: u32,
    /// The number of lookups of random ids that follow, to measure lookups per second.
    #[arg(long, default_value_t = 0)]
    pub(crate) lookups: u32,
    /// Runs on a simulated network in virtual time, instead of loopback.
    #[arg(long)]
    pub(crate) simulated: bool,
    /// The share of datagrams that the simulated network loses.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "simulated", value_parser = share)]
    pub(crate) loss: f64,
    /// The seed for the choices of nodes; with `--simulated`, for everything that happens.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The type of a value, by its name in Python.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    Str,
    Int,
    Float,
    Bool,
    /// Bytes as hexadecimal digits.
    Hex,
}

impl PutOptions {
    pub(crate) fn value(&self) -> Result<Value, String> {
        let Self { value, kind, .. } = self;
        let wrong = |expected: &str| format!("`{value}` is not {expected}");
        match kind {
            Kind::Str => Ok(value.as_str().into()),
            Kind::Int if value.starts_with('-') => {
                value.parse::<i64>().map(Value::from).map_err(|_| wrong("an int from -2^63 to 2^64 - 1"))
            }
            Kind::Int => value.parse::<u64>().map(Value::from).map_err(|_| wrong("an int from -2^63 to 2^64 - 1")),
            Kind::Float => value.parse::<f64>().map(Value::from).map_err(|_| wrong("a float")),
            Kind::Bool => value.parse::<bool>().map(Value::from).map_err(|_| wrong("a bool: give true or false")),
            Kind::Hex => bytes(value).map(Value::from).ok_or_else(|| wrong("an even number of hexadecimal digits")),
        }
    }
}

impl LookupOptions {
    pub(crate) fn target(&self) -> Result<Key, String> {
        if self.key {
            return Ok(Key::of(&self.id));
        }
        let id = self.id.parse::<NodeId>();
        id.map(Key::from).map_err(|error| format!("{error}: give --key to look up a key"))
    }
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = digits.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "a share is a number from 0 to below 1".into())
}

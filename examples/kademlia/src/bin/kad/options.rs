use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rpcudp_kademlia::{Key, NodeId, Value};

/// A node of a Kademlia network, on the wire of Python's package `kademlia`.
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
    /// Prints the value under a key; exits with 2 if there is none.
    Get(GetOptions),
    /// Shows the way to the nodes nearest to an id, hop by hop.
    Lookup(LookupOptions),
    /// Runs many nodes in this process, sets keys and finds them again.
    Swarm(SwarmOptions),
}

#[derive(Debug, Args)]
pub(crate) struct NodeOptions {
    /// Where to listen. Port 0 takes a free port; `[::]` serves both IPv6 and IPv4.
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8468")]
    pub(crate) listen: String,
    /// A node of the network to come into; may be given several times. Without one, and without neighbours in the state,
    /// the node begins a network of its own.
    #[arg(long, value_name = "ADDR")]
    pub(crate) bootstrap: Vec<String>,
    /// Where the node keeps who it is and whom it knows: it comes back as itself, into its network.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Where the node keeps values, which survive it then. By default they are kept in memory.
    #[cfg(feature = "redb")]
    #[arg(long, value_name = "FILE")]
    pub(crate) storage: Option<PathBuf>,
    /// How many MiB of values others may store here.
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    pub(crate) max_stored: usize,
    /// Prints JSON, a line for each event.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What all commands have that come into a network for a moment.
#[derive(Debug, Args)]
pub(crate) struct NetworkOptions {
    /// A node of the network; may be given several times.
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
    /// What the value is.
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
    /// Forty hexadecimal digits, or with `--key` any text.
    pub(crate) id: String,
    /// Looks for the place of a key.
    #[arg(long)]
    pub(crate) key: bool,
    #[command(flatten)]
    pub(crate) network: NetworkOptions,
}

#[derive(Debug, Args)]
pub(crate) struct SwarmOptions {
    /// How many nodes.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) nodes: u32,
    /// How many keys are set and looked for, each from a random node.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) keys: u32,
    /// How many lookups of random ids follow, to see how many there are in a second.
    #[arg(long, default_value_t = 0)]
    pub(crate) lookups: u32,
    /// On a simulated network, in virtual time, instead of loopback.
    #[arg(long)]
    pub(crate) simulated: bool,
    /// The share of datagrams that a simulated network loses.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "simulated", value_parser = share)]
    pub(crate) loss: f64,
    /// Which nodes do what; with `--simulated`, everything that happens.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The types of a value, by their names in Python.
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
        let wrong = |what: &str| format!("`{value}` is no {what}");
        match kind {
            Kind::Str => Ok(value.as_str().into()),
            Kind::Int if value.starts_with('-') => {
                value.parse::<i64>().map(Value::from).map_err(|_| wrong("int from -2^63 to 2^64 - 1"))
            }
            Kind::Int => value.parse::<u64>().map(Value::from).map_err(|_| wrong("int from -2^63 to 2^64 - 1")),
            Kind::Float => value.parse::<f64>().map(Value::from).map_err(|_| wrong("float")),
            Kind::Bool => value.parse::<bool>().map(Value::from).map_err(|_| wrong("bool: true or false")),
            Kind::Hex => bytes(value).map(Value::from).ok_or_else(|| wrong("even number of hexadecimal digits")),
        }
    }
}

impl LookupOptions {
    pub(crate) fn target(&self) -> Result<Key, String> {
        if self.key {
            return Ok(Key::of(&self.id));
        }
        let id = self.id.parse::<NodeId>();
        id.map(Key::from).map_err(|error| format!("{error}: give --key if this is a key"))
    }
}

/// The addresses behind these names.
pub(crate) fn resolve(names: &[String]) -> Result<Vec<SocketAddr>, String> {
    let mut addrs = Vec::new();
    for name in names {
        let found = name.to_socket_addrs().map_err(|error| format!("{name}: {error}: an address is HOST:PORT"))?;
        addrs.extend(found);
    }
    Ok(addrs)
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = digits.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "a share is a number from 0 up to, but not, 1".into())
}

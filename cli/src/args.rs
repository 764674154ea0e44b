use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::exit::EXIT_CODES;

/// Talks to Rust and Python peers of rpcudp: calls and pings them, prints the datagrams that they
/// send, and diagnoses faults.
#[derive(Debug, Parser)]
#[command(name = "rpcudp", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Prints JSON: results on standard output, errors on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Calls a method and prints its response as JSON.
    Call(CallArguments),
    /// Calls a method repeatedly and prints each response time, until Ctrl-C.
    Ping(PingArguments),
    /// Prints the contracts that a peer publishes, as Rust traits or a Python module.
    Describe(DescribeArguments),
    /// Prints the datagrams that arrive at an address; with --answer, responds to requests.
    Listen(ListenArguments),
    /// Calls a method as fast as possible and shows the calls per second and their latencies.
    Load(LoadArguments),
    /// Diagnoses the path to a peer and suggests fixes.
    Doctor(DoctorArguments),
    /// Prints the services that hosts of the local network announce by multicast DNS.
    Ls(LsArguments),
    /// Makes identities for links, and shows their keys.
    #[cfg(feature = "secure")]
    #[command(subcommand)]
    Key(KeyCommand),
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[cfg(feature = "secure")]
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Makes an identity and prints its key, which callers write before the address of the peer.
    Generate {
        /// Writes the private key to this file, which only its owner can read. Without it, the
        /// private key is printed.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Replaces the file if it exists.
        #[arg(long, requires = "out")]
        force: bool,
    },
    /// Prints the key of an identity.
    Show {
        /// The file of the private key: PEM, as `key generate` and OpenSSL write it. `-` is
        /// standard input.
        file: PathBuf,
    },
}

/// The peer to call, and the options of each call.
#[derive(Debug, Args)]
pub(crate) struct PeerArguments {
    /// The peer: a host name or an IP address, and a port; or mdns:SERVICE. Several have commas
    /// between them: the first that can be reached is used; `ping` calls all of them. KEY@ADDR
    /// calls over an encrypted link to the peer with this key, and any@ADDR over one to every key.
    #[arg(value_name = "ADDR")]
    pub(crate) peer: String,
    /// Calls over links with the identity in this file, which `rpcudp key generate` makes. Without
    /// it, each run has a new one.
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// Uses the dialect of Python's storjrpcudp.
    #[arg(long)]
    pub(crate) storj: bool,
    /// The timeout of each call: 500ms, 2s, 1m.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Calls from this address instead of a free port.
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Option<String>,
    /// Accepts responses from other addresses than the called one.
    #[arg(long)]
    pub(crate) any_source: bool,
    /// Uses only the IPv4 addresses of a name.
    #[arg(long)]
    pub(crate) ipv4: bool,
    /// Uses only the IPv6 addresses of a name.
    #[arg(long, conflicts_with = "ipv4")]
    pub(crate) ipv6: bool,
}

/// The part of the help texts that explains arguments.
const ARGUMENT_SYNTAX: &str = "\
Arguments are JSON: 7, 1.5, true, null, '\"text\"', '[1, 2]', '{\"key\": \"value\"}'. str:text is text \
without quotes. Bytes are hex:00ff, @FILE for the contents of a file, @- for standard input, and within JSON \"hex:00ff\", which is also how responses show them. \
Write text that begins with hex:, str:, float:, json: or map: as \"str:hex:...\".";

#[derive(Debug, Args)]
#[command(after_help = format!("{ARGUMENT_SYNTAX}\n\n{EXIT_CODES}"))]
pub(crate) struct CallArguments {
    #[command(flatten)]
    pub(crate) peer: PeerArguments,
    /// The method. Python's method `rpc_sayhi` is `sayhi` here.
    pub(crate) method: String,
    /// The arguments of the method.
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// Retransmits the request until a response arrives: for methods that may run more than once.
    #[arg(long)]
    pub(crate) retry: bool,
    /// Sends a text beside the arguments; may be given for several keys. A Python peer ignores it.
    #[arg(long, value_name = "KEY=VALUE", value_parser = metadata)]
    pub(crate) metadata: Vec<(String, String)>,
    /// Calls all of several peers at once and prints the response of each: also the peers that a
    /// multicast or broadcast address reaches. Such a call is sent once and takes all of --timeout.
    #[arg(long)]
    pub(crate) all: bool,
}

/// The method that `ping` calls if none is given. Many peers lack it, and their refusal is enough.
pub(crate) const DEFAULT_PING_METHOD: &str = "ping";

#[derive(Debug, Args)]
#[command(after_help = format!(
    "Any response shows that the peer is up, including an error of the method and a refusal. A Python peer does not \
     respond to a method that it does not have.\n\n{ARGUMENT_SYNTAX}\n\n{EXIT_CODES}"
))]
pub(crate) struct PingArguments {
    #[command(flatten)]
    pub(crate) peer: PeerArguments,
    /// The method. Choose a cheap one.
    #[arg(default_value = DEFAULT_PING_METHOD)]
    pub(crate) method: String,
    /// The arguments of the method.
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// Stops after this many calls.
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// The time between two calls.
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Duration,
}

#[derive(Debug, Args)]
#[command(after_help = format!(
    "A peer publishes the contracts that it serves with `Builder::serve_described`. The \
     types that have `#[derive(rpcudp::Schema)]` are printed too, and others by name.\n\n{EXIT_CODES}"
))]
pub(crate) struct DescribeArguments {
    #[command(flatten)]
    pub(crate) peer: PeerArguments,
    /// Prints the contracts as Rust traits, or as a Python module with a client and a service class
    /// for each.
    #[arg(long = "as", value_name = "LANGUAGE", default_value = "rust")]
    pub(crate) language: Language,
}

/// The language in which contracts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Rust,
    Python,
}

#[derive(Debug, Args)]
#[command(after_help = format!(
    "Requests of both dialects are printed; only those of the selected dialect get a response. A method without \
     --answer gets no response, as from a Python peer.\n\n{ARGUMENT_SYNTAX}\n\n{EXIT_CODES}"
))]
pub(crate) struct ListenArguments {
    /// The address to listen on. Port 0 takes a free port; `[::]` receives both IPv6 and IPv4.
    pub(crate) addr: String,
    /// Responds in the dialect of Python's storjrpcudp.
    #[arg(long)]
    pub(crate) storj: bool,
    /// Responds to a method with this value; may be given for several methods.
    #[arg(long, value_name = "METHOD=JSON")]
    pub(crate) answer: Vec<String>,
    /// Serves peers over links too, with the identity in this file, which `rpcudp key generate`
    /// makes.
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// Lets only the peer with this key open a link, or those in a file with a key on each line;
    /// may be given several times. Default: all.
    #[arg(long, value_name = "KEY|@FILE", requires = "identity")]
    pub(crate) allow: Vec<String>,
    /// Does not respond to requests over the plain wire.
    #[arg(long, requires = "identity")]
    pub(crate) no_plain: bool,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{ARGUMENT_SYNTAX}\n\n{EXIT_CODES}"))]
pub(crate) struct LoadArguments {
    #[command(flatten)]
    pub(crate) peer: PeerArguments,
    /// The method.
    pub(crate) method: String,
    /// The arguments of the method.
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// The number of calls in flight.
    #[arg(short, long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) concurrency: u32,
    /// The duration in seconds.
    #[arg(short, long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) seconds: u32,
}

#[derive(Debug, Args)]
#[command(after_help = format!(
    "The list takes three seconds. `rpcudp call mdns:SERVICE METHOD` calls one of the hosts.\n\n{EXIT_CODES}"
))]
pub(crate) struct LsArguments {
    /// The name of a service. Default: all.
    pub(crate) service: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = format!(
    "Without a method, the doctor tries ping, stun, rpc.describe, and sayhi with a text. A Rust peer responds to any \
     method; a Python peer responds only to methods that it has, so name one that may be called a hundred \
     times.\n\n{ARGUMENT_SYNTAX}\n\n{EXIT_CODES}"
))]
pub(crate) struct DoctorArguments {
    /// The peer: a host name or an IP address, and a port; or mdns:SERVICE. Several have commas
    /// between them: the first that can be reached is used. KEY@ADDR checks the link to the peer
    /// with this key, and any@ADDR that to every key.
    #[arg(value_name = "ADDR")]
    pub(crate) peer: String,
    /// Opens links with the identity in this file, which `rpcudp key generate` makes. Without it,
    /// each run has a new one.
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// A harmless method that the peer has.
    pub(crate) method: Option<String>,
    /// The arguments of the method.
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// Expects the dialect of Python's storjrpcudp.
    #[arg(long)]
    pub(crate) storj: bool,
    /// The time that each request waits for its response.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// The number of calls that measure the round-trip time and the loss.
    #[arg(short, long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) count: u16,
    /// Uses only the IPv4 addresses of a name.
    #[arg(long)]
    pub(crate) ipv4: bool,
    /// Uses only the IPv6 addresses of a name.
    #[arg(long, conflicts_with = "ipv4")]
    pub(crate) ipv6: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text);
    let time = time.map_err(|error| format!("{error}: a time has a unit, as in 500ms, 2s or 1m"))?;
    if time > MAX_DURATION { Err("the longest time is 1day".into()) } else { Ok(time) }
}

fn metadata(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it has the form KEY=VALUE".into()),
    }
}

/// The longest time: short enough that adding it to an `Instant` cannot overflow.
const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if interval < Duration::from_millis(1) { Err("the shortest interval is 1ms".into()) } else { Ok(interval) }
}

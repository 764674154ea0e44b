use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::exit::EXIT_CODES;

/// Talks to peers of rpcudp, be they Rust or Python: calls them, pings them, shows what they send, and says what is wrong.
#[derive(Debug, Parser)]
#[command(name = "rpcudp", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Prints JSON: results on the standard output, and what went wrong on the standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Calls a method and prints its answer as JSON.
    Call(CallArguments),
    /// Calls a method again and again and says how long each answer took, until Ctrl-C.
    Ping(PingArguments),
    /// Prints what a Rust peer serves, as the trait that one would write.
    Describe(DescribeArguments),
    /// Prints what arrives at an address; with --answer, answers it.
    Listen(ListenArguments),
    /// Calls a method as often as it goes, and shows how many calls that are and how long they take.
    Load(LoadArguments),
    /// Finds out what is wrong between here and a peer, and says what to do.
    Doctor(DoctorArguments),
    /// Prints the completions for a shell, to be sourced or put where the shell looks for them.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// Who is called, and how.
#[derive(Debug, Args)]
pub(crate) struct PeerArguments {
    /// The peer: a name or an address, and a port.
    #[arg(value_name = "ADDR")]
    pub(crate) peer: String,
    /// Speaks the dialect of Python's storjrpcudp.
    #[arg(long)]
    pub(crate) storj: bool,
    /// How long each call waits for its answer: 500ms, 2s, 1m.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Calls from this address, instead of a free port.
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Option<String>,
    /// Takes answers from other addresses than the one that is called.
    #[arg(long)]
    pub(crate) any_source: bool,
    /// Uses only IPv4 addresses of a name.
    #[arg(long)]
    pub(crate) ipv4: bool,
    /// Uses only IPv6 addresses of a name.
    #[arg(long, conflicts_with = "ipv4")]
    pub(crate) ipv6: bool,
}

/// What is said of arguments, once.
const ARGUMENT_SYNTAX: &str = "\
Arguments are JSON: 7, 1.5, true, null, '\"text\"', '[1, 2]', '{\"key\": \"value\"}'. Bytes are hex:00ff, @FILE for those \
of a file, @- for those of the standard input, and within JSON \"hex:00ff\", which is also how answers show them. A text \
that begins with hex:, str:, float:, json: or map: is written \"str:hex:...\".";

#[derive(Debug, Args)]
#[command(after_help = format!("{ARGUMENT_SYNTAX}\n\n{EXIT_CODES}"))]
pub(crate) struct CallArguments {
    #[command(flatten)]
    pub(crate) peer: PeerArguments,
    /// The method. A method `rpc_sayhi` of Python's is `sayhi`.
    pub(crate) method: String,
    /// Its arguments.
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// Sends the request again while no answer comes: for methods that may run more than once.
    #[arg(long)]
    pub(crate) retry: bool,
}

#[derive(Debug, Args)]
#[command(after_help = format!(
    "Any answer shows that the peer is there, an error of the method and a refusal too. A Python peer says nothing to a \
     method that it does not have.\n\n{ARGUMENT_SYNTAX}\n\n{EXIT_CODES}"
))]
pub(crate) struct PingArguments {
    #[command(flatten)]
    pub(crate) peer: PeerArguments,
    /// The method. It should be a cheap one.
    #[arg(default_value = "ping")]
    pub(crate) method: String,
    /// Its arguments.
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// Ends after so many calls.
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// How long to wait between one call and the next.
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Duration,
}

#[derive(Debug, Args)]
#[command(after_help = format!(
    "A peer tells of what it serves if it was told to, with `Builder::serve_described`. Types are printed as they were \
     written: what they consist of is not in a contract.\n\n{EXIT_CODES}"
))]
pub(crate) struct DescribeArguments {
    #[command(flatten)]
    pub(crate) peer: PeerArguments,
}

#[derive(Debug, Args)]
#[command(after_help = format!(
    "Requests of both dialects are shown, and those of the one that is spoken are answered. A method without an answer gets \
     none, as from a Python peer.\n\n{ARGUMENT_SYNTAX}\n\n{EXIT_CODES}"
))]
pub(crate) struct ListenArguments {
    /// Where to listen. Port 0 takes a free port; `[::]` serves both IPv6 and IPv4.
    pub(crate) addr: String,
    /// Answers the dialect of Python's storjrpcudp.
    #[arg(long)]
    pub(crate) storj: bool,
    /// Answers a method, each time with the same value; may be given for several methods.
    #[arg(long, value_name = "METHOD=JSON")]
    pub(crate) answer: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{ARGUMENT_SYNTAX}\n\n{EXIT_CODES}"))]
pub(crate) struct LoadArguments {
    #[command(flatten)]
    pub(crate) peer: PeerArguments,
    /// The method.
    pub(crate) method: String,
    /// Its arguments.
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// How many calls are under way at once.
    #[arg(short, long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) concurrency: u32,
    /// For how long.
    #[arg(short, long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) seconds: u32,
}

#[derive(Debug, Args)]
#[command(after_help = format!(
    "Without a method it tries ping, stun, rpc.describe, and sayhi with a text: a Rust peer answers whatever it is asked, \
     and a Python peer only to what it has. Name one of its methods that may be called a hundred times.\n\n{ARGUMENT_SYNTAX}\n\n{EXIT_CODES}"
))]
pub(crate) struct DoctorArguments {
    /// The peer: a name or an address, and a port.
    #[arg(value_name = "ADDR")]
    pub(crate) peer: String,
    /// A method that the peer has, and that does no harm.
    pub(crate) method: Option<String>,
    /// Its arguments.
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// Expects the dialect of Python's storjrpcudp.
    #[arg(long)]
    pub(crate) storj: bool,
    /// How long each request waits for its answer.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// How many calls are made to see the round-trip time and the loss.
    #[arg(short, long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) count: u16,
    /// Uses only IPv4 addresses of a name.
    #[arg(long)]
    pub(crate) ipv4: bool,
    /// Uses only IPv6 addresses of a name.
    #[arg(long, conflicts_with = "ipv4")]
    pub(crate) ipv6: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text);
    let time = time.map_err(|error| format!("{error}: a time has a unit, as in 500ms, 2s or 1m"))?;
    if time > MAX_DURATION { Err("the longest time is 1day".into()) } else { Ok(time) }
}

/// Short enough to be added to any time of day.
const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if interval < Duration::from_millis(1) { Err("the shortest interval is 1ms".into()) } else { Ok(interval) }
}

//! Measures a server with many members: memory, the cost of keeping them, and the time in which an
//! event reaches all.

mod members;

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use rpcudp::session::Sessions;
use rpcudp::{Endpoint, rpc_service};
use tokio::runtime;

use self::members::{Members, nanos_now};
use crate::measuring::{BoxError, Machine, ProcessorTime, grouped, publish, resident_len, seconds};

/// The number of members, and the times.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Number of members
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=20_000), default_value_t = 10_000)]
    members: u32,
    /// Number of events, each of which goes to all members
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..), default_value_t = 5)]
    events: u32,
    /// Time in which the cost of keeping the members is measured, in seconds
    #[arg(long, value_parser = seconds, default_value = "10")]
    seconds: Duration,
    /// Write the table to this file as well as to standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Be the members of the server at this address, for the parent process
    #[arg(long, hide = true)]
    server: Option<std::net::SocketAddr>,
}

/// The methods that the server calls at each member.
#[rpc_service]
trait Events {
    #[rpc(oneway)]
    fn started(&self, game: u32);
}

/// The process of the members.
struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

/// The figures of a run.
struct Figures {
    /// The memory of the server for each member, in bytes.
    bytes_per_member: f64,
    /// The processor time of the server, as a share of one core.
    cpu: f64,
    /// The times between an event and its arrival at the last member, sorted.
    arrivals: Vec<Duration>,
    /// The times in which the server had sent an event.
    sends: Vec<Duration>,
}

/// Measures, and prints the table.
///
/// # Errors
///
/// Returns an error if the members cannot be started, or if the table's file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, BoxError> {
    if let Some(server) = options.server {
        Members { server, count: options.members }.run()?;
        return Ok(ExitCode::SUCCESS);
    }
    let figures = measure(options)?;
    let millis = |times: &[Duration]| {
        let of = |at: usize| times[at].as_secs_f64() * 1e3;
        format!("{:.1} ({:.1} to {:.1})", of(times.len() / 2), of(0), of(times.len() - 1))
    };
    let text = format!(
        "{}\n{} members, with sessions of the default lease of 10 s, each at a socket of its own.\n\n\
         | figure | value |\n| --- | --- |\n\
         | memory of the server for each member | {:.0} bytes |\n\
         | processor time of the server to keep all of them | {:.2} % of a core |\n\
         | an event to all, until the last has it | {} ms |\n\
         | an event to all, until it is sent | {} ms |\n",
        Machine::this(),
        grouped(options.members.into(), 0),
        figures.bytes_per_member,
        figures.cpu * 100.0,
        millis(&figures.arrivals),
        millis(&figures.sends),
    );
    publish(&text, options.markdown.as_ref())?;
    Ok(ExitCode::SUCCESS)
}

fn measure(options: &Options) -> Result<Figures, BoxError> {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let count = options.members as usize;
    let builder = Endpoint::builder().sessions(Sessions::new().capacity(count));
    let server = runtime.block_on(async { builder.bind("127.0.0.1:0").await })?;
    let before = resident_len()?;
    let mut process = Process::start(server.local_addr(), options.members)?;
    process.expect("joined")?;
    let members = server.sessions().len();
    if members != count {
        return Err(format!("{members} of {count} members have joined").into());
    }
    let bytes_per_member = resident_len()?.saturating_sub(before) as f64 / count as f64;

    // The first requests to keep the sessions come together.
    sleep(Duration::from_secs(5));
    let begin = ProcessorTime::now();
    sleep(options.seconds);
    let cpu = ProcessorTime::now().ours_since(begin).div_duration_f64(options.seconds);

    let (mut arrivals, mut sends) = (Vec::new(), Vec::new());
    for game in 0..options.events {
        let begin = nanos_now();
        runtime.block_on(async {
            let mut all = server.sessions().group::<EventsClient>().started(game).all();
            while let Some((_, sent)) = all.next().await {
                sent?;
            }
            Ok::<_, BoxError>(())
        })?;
        sends.push(Duration::from_nanos(nanos_now() - begin));
        let arrived: u64 = process.expect(&format!("game {game}"))?.parse()?;
        arrivals.push(Duration::from_nanos(arrived.saturating_sub(begin)));
        sleep(Duration::from_millis(300));
    }
    arrivals.sort_unstable();
    sends.sort_unstable();
    Ok(Figures { bytes_per_member, cpu, arrivals, sends })
}

impl Process {
    fn start(server: std::net::SocketAddr, count: u32) -> Result<Self, BoxError> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("sessions").arg("--server").arg(server.to_string()).arg("--members").arg(count.to_string());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().expect("the output is piped")).lines();
        Ok(Self { child, lines })
    }

    /// Returns the rest of the next line, which must begin with this text.
    fn expect(&mut self, start: &str) -> Result<String, BoxError> {
        let line = self.lines.next().ok_or("the members have ended")??;
        let rest = line.strip_prefix(start).ok_or_else(|| format!("expected `{start}`, not `{line}`"))?;
        Ok(rest.trim().to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

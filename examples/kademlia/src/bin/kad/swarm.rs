use std::io::stdout;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rpcudp::sim::{Conditions, Network};
use rpcudp_kademlia::Config;
use rpcudp_kademlia::swarm::Swarm;

use crate::exit::{CommandResult, NOT_FOUND};
use crate::options::SwarmOptions;
use crate::report::{Report, resident_len};

/// The one-way latency of a simulated network, as between hosts in Europe.
const LATENCY: Duration = Duration::from_millis(20);
const JITTER: Duration = Duration::from_millis(30);

pub(crate) async fn run(options: SwarmOptions) -> CommandResult {
    tokio::select! {
        report = measure(&options) => {
            let report = report?;
            report.print(&mut stdout().lock(), options.json)?;
            Ok(if report.find_report.missing.is_empty() { ExitCode::SUCCESS } else { NOT_FOUND.into() })
        }
        stopped = tokio::signal::ctrl_c(), if !options.simulated => {
            stopped?;
            Err("stopped".into())
        }
    }
}

async fn measure(options: &SwarmOptions) -> Result<Report<'_>, Box<dyn std::error::Error>> {
    let before = resident_len();
    let network = Network::new(options.seed);
    network.set_conditions(Conditions::default().latency(LATENCY).jitter(JITTER).loss(options.loss));
    let mut swarm = if options.simulated {
        Swarm::simulated(network.clone(), options.seed, Config::default())
    } else {
        Swarm::loopback(options.seed, Config::default())
    };

    let started = Instant::now();
    let bar = progress("joining", options.nodes, options.json);
    swarm.grow(options.nodes as usize, |count| bar.set_position(count as u64)).await?;
    bar.finish_and_clear();
    let join_time = started.elapsed();
    let memory_len =
        resident_len().zip(before).map(|(now, before)| now.saturating_sub(before) / u64::from(options.nodes));

    let started = Instant::now();
    let bar = progress("setting", options.keys, options.json);
    swarm.set(0..options.keys, |count| bar.set_position(count as u64)).await?;
    bar.finish_and_clear();
    let set_time = started.elapsed();

    let started = Instant::now();
    let bar = progress("finding", options.keys, options.json);
    let find_report = swarm.find(0..options.keys, |count| bar.set_position(count as u64)).await;
    bar.finish_and_clear();
    let find_time = started.elapsed();

    let bar = progress("looking up", options.lookups, options.json);
    let queries_before = query_count(&swarm);
    let started = Instant::now();
    let on_end = {
        let bar = bar.clone();
        move || bar.inc(1)
    };
    let lookup_hops = swarm.lookup_random(options.lookups as usize, on_end).await;
    let lookup_time = started.elapsed();
    let lookup_queries = query_count(&swarm) - queries_before;
    bar.finish_and_clear();

    let datagram_count = swarm.nodes.iter().map(|node| node.endpoint().stats().datagrams.sent).sum();
    let contact_count = swarm.nodes.iter().map(|node| node.contact_count() as u64).sum::<u64>();
    Ok(Report {
        options,
        join_time,
        set_time,
        find_time,
        lookup_time,
        find_report,
        lookup_hops,
        lookup_queries,
        memory_len,
        datagram_count,
        contacts_per_node: contact_count / u64::from(options.nodes),
    })
}

/// Returns the number of queries that the lookups of all nodes have sent.
fn query_count(swarm: &Swarm) -> u64 {
    swarm.nodes.iter().map(|node| node.stats().queries).sum()
}

/// Returns a progress bar on standard error, or a hidden one for JSON output.
fn progress(label: &'static str, count: u32, is_hidden: bool) -> ProgressBar {
    if is_hidden || count == 0 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix:>10} [{bar:40}] {human_pos} of {human_len}, {elapsed}");
    let style = style.expect("the template is well-formed").progress_chars("=> ");
    ProgressBar::new(count.into()).with_style(style).with_prefix(label)
}

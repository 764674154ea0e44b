use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rpcudp_kademlia::{Config, Node, State};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::addresses::{address_for, resolve, resolve_name};
use crate::exit::CommandResult;
use crate::options::NodeOptions;
use crate::print::{print_line, warn};

/// The port that Python's nodes use.
const DEFAULT_PORT: u16 = 8_468;

/// The interval at which the state is saved, the same as in Python's `save_state_regularly`.
const SAVE_EVERY: Duration = Duration::from_secs(600);

/// The time between two attempts to join a network that does not respond.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The time that requests in flight may take when the node leaves.
const GRACE: Duration = Duration::from_secs(1);

pub(crate) async fn run(options: NodeOptions) -> CommandResult {
    let NodeOptions { listen, bootstrap, state, max_stored, private, json, .. } = &options;
    let bootstrap = resolve(bootstrap)?;
    let saved = state.as_deref().map(load).transpose()?.flatten();
    let contacts = saved.iter().flat_map(|saved| &saved.contacts).map(|contact| contact.addr);
    let listen = match listen {
        Some(listen) => resolve_name(listen)?[0],
        None => {
            // Nodes on other hosts must reach this one too, so it is not bound to loopback.
            let everywhere = SocketAddr::from(([0; 4], DEFAULT_PORT));
            let known: Vec<_> = bootstrap.iter().copied().chain(contacts).chain([everywhere]).collect();
            address_for(&known, DEFAULT_PORT)
        }
    };
    let has_contacts = saved.as_ref().is_some_and(|saved| !saved.contacts.is_empty());

    let max_stored_len = max_stored << 20;
    let mut config = Config { max_stored_len, limits_subnets: !private, ..Config::default() };
    config.max_stored_len_per_subnet = config.max_stored_len_per_subnet.min(max_stored_len);
    let mut builder = Node::builder().config(config);
    if let Some(saved) = saved {
        builder = builder.restore(saved);
    }
    #[cfg(feature = "redb")]
    if let Some(path) = &options.storage {
        builder = builder.storage(rpcudp_kademlia::RedbStorage::open(path)?);
    }
    // A service manager may send a signal as soon as it has read the first line.
    let mut stop = Stop::install()?;
    let node = builder.bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
    if *json {
        print_line(&json!({ "event": "listening", "id": node.id().to_string(), "addr": node.local_addr() }))?;
    } else {
        print_line(&format_args!("{} listens on {}", node.id(), node.local_addr()))?;
    }

    let join = async {
        if !bootstrap.is_empty() || has_contacts {
            join(&node, &bootstrap, *json).await?;
        }
        save_regularly(&node, state.as_deref()).await
    };
    // If the reader of the output is gone, the node leaves as well.
    let printed = tokio::select! {
        ended = join => ended,
        () = stop.requested() => Ok(()),
    };
    // Saves the present contacts, from which the restored node will bootstrap.
    if let Some(path) = state {
        node.state().save(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let (contacts, values) = (node.contact_count(), node.value_count());
    node.close(GRACE).await;
    printed?;
    if *json {
        let stats = node.stats();
        print_line(&json!({ "event": "left", "neighbours": contacts, "values": values, "stats": stats }))?;
    } else {
        print_line(&format_args!("left with {contacts} contacts and {values} values"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The handlers of the signals that end a node: Ctrl-C, and on Unix also SIGTERM, which service
/// managers send.
struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Stop {
    #[cfg(unix)]
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(windows)]
    fn install() -> io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    /// Completes on a signal since the installation.
    async fn requested(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(windows)]
        self.interrupt.recv().await;
    }
}

/// Joins the network. Retries until a node responds.
async fn join(node: &Node, bootstrap: &[SocketAddr], json: bool) -> io::Result<()> {
    loop {
        match node.bootstrap(bootstrap).await {
            Ok(contacts) if json => return print_line(&json!({ "event": "joined", "neighbours": contacts })),
            Ok(contacts) => return print_line(&format_args!("joined with {contacts} contacts")),
            Err(error) => warn(&format_args!("{error}; next attempt in {RETRY_AFTER:?}")),
        }
        sleep(RETRY_AFTER).await;
    }
}

/// Saves the state at once and then every `SAVE_EVERY`. Never completes.
async fn save_regularly(node: &Node, path: Option<&Path>) -> io::Result<()> {
    let mut ticks = interval(SAVE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(path) = path
            && let Err(error) = node.state().save(path)
        {
            warn(&format_args!("{}: {error}; next attempt in {SAVE_EVERY:?}", path.display()));
        }
    }
}

/// Returns the saved state, or `None` if the file does not exist yet.
fn load(path: &Path) -> Result<Option<State>, String> {
    match State::load(path) {
        Ok(state) => Ok(Some(state)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

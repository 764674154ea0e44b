use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rpcudp_kademlia::{Config, Node, State};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::exit::CommandResult;
use crate::options::{NodeOptions, resolve};

/// How often the state is saved, as Python's `save_state_regularly` does it.
const SAVE_EVERY: Duration = Duration::from_secs(600);

/// How long to wait before the network is looked for again that did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// What requests under way may take when the node leaves.
const GRACE: Duration = Duration::from_secs(1);

pub(crate) async fn run(options: NodeOptions) -> CommandResult {
    let NodeOptions { listen, bootstrap, state, max_stored, json, .. } = &options;
    let bootstrap = resolve(bootstrap)?;
    let old = state.as_deref().map(load).transpose()?.flatten();
    let has_neighbours = old.as_ref().is_some_and(|old| !old.contacts.is_empty());

    let max_stored_len = max_stored << 20;
    let mut config = Config { max_stored_len, ..Config::default() };
    config.max_stored_len_per_subnet = config.max_stored_len_per_subnet.min(max_stored_len);
    let mut builder = Node::builder().config(config);
    if let Some(old) = old {
        builder = builder.restore(old);
    }
    #[cfg(feature = "redb")]
    if let Some(path) = &options.storage {
        builder = builder.storage(rpcudp_kademlia::RedbStorage::open(path)?);
    }
    let node = builder.bind(listen.as_str()).await.map_err(|error| format!("{listen}: {error}"))?;
    if *json {
        println!("{}", json!({ "event": "listening", "id": node.id(), "addr": node.local_addr() }));
    } else {
        println!("{} listens on {}", node.id(), node.local_addr());
    }

    let join = async {
        if !bootstrap.is_empty() || has_neighbours {
            join(&node, &bootstrap, *json).await;
        }
        keep_saved(&node, state.as_deref()).await;
    };
    tokio::select! {
        () = join => {}
        stopped = stop() => stopped?,
    }
    // Before the end: whoever it knows now is who it will ask.
    if let Some(path) = state {
        node.state().save(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let (neighbours, values) = (node.contact_count(), node.value_count());
    node.close(GRACE).await;
    if *json {
        let stats = node.stats();
        println!("{}", json!({ "event": "left", "neighbours": neighbours, "values": values, "stats": stats }));
    } else {
        println!("left {neighbours} neighbours and {values} values");
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits until somebody wants the node to leave: Ctrl-C, or on Unix what a service manager sends.
async fn stop() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            stopped = tokio::signal::ctrl_c() => stopped,
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Comes into the network, however long it takes until somebody answers.
async fn join(node: &Node, bootstrap: &[std::net::SocketAddr], json: bool) {
    loop {
        match node.bootstrap(bootstrap).await {
            Ok(neighbours) if json => return println!("{}", json!({ "event": "joined", "neighbours": neighbours })),
            Ok(neighbours) => return println!("joined: {neighbours} neighbours"),
            Err(error) => eprintln!("kad: {error}; the next attempt is in {RETRY_AFTER:?}"),
        }
        sleep(RETRY_AFTER).await;
    }
}

/// Saves the state at once and then regularly. Never ends.
async fn keep_saved(node: &Node, path: Option<&Path>) {
    let mut ticks = interval(SAVE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(path) = path
            && let Err(error) = node.state().save(path)
        {
            eprintln!("kad: {}: {error}; the next attempt is in {SAVE_EVERY:?}", path.display());
        }
    }
}

/// The state from before; none where the file is not there yet.
fn load(path: &Path) -> Result<Option<State>, String> {
    match State::load(path) {
        Ok(state) => Ok(Some(state)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

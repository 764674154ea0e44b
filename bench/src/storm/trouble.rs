//! The troubles of the servers.

use std::io::Write;
use std::time::Duration;

use tokio::time::sleep;

use super::calls::{self, Outcome};
use super::contender::Contender;
use super::hosts::{Hosts, Server};
use crate::measuring::BoxError;

/// The trouble that a run has, besides the loss of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// A server is killed, one takes ten times as long, one is cut off, and then all restart, one
    /// by one.
    All,
}

impl Trouble {
    pub(crate) const ALL: [Self; 2] = [Self::None, Self::All];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "all well",
            Self::All => "in trouble",
        }
    }
}

/// Starts the servers, and makes the calls while there is trouble.
pub(crate) async fn run(
    hosts: &Hosts,
    contender: Contender,
    trouble: Trouble,
    call_count: u32,
) -> Result<Outcome, BoxError> {
    let servers: Result<Vec<_>, _> = (0..hosts.count()).map(|host| hosts.start(host, contender).map(Some)).collect();
    let mut servers = servers?;
    let client = contender.client(hosts.addrs()).await?;
    // Connections are made.
    sleep(Duration::from_secs(1)).await;
    let calls = tokio::spawn(calls::run(client, call_count));
    if trouble == Trouble::All {
        make_trouble(hosts, contender, &mut servers).await?;
    }
    calls.await?
}

async fn make_trouble(hosts: &Hosts, contender: Contender, servers: &mut [Option<Server>]) -> Result<(), BoxError> {
    let second = Duration::from_secs(1);
    sleep(second).await;
    drop(servers[0].take());
    sleep(second).await;
    set_delay(&mut servers[1], 50)?;
    sleep(second).await;
    hosts.set_link(2, "down")?;
    sleep(4 * second).await;
    hosts.set_link(2, "up")?;
    set_delay(&mut servers[1], 5)?;
    // All restart, one by one. Running handlers may finish.
    for (host, server) in servers.iter_mut().enumerate() {
        if let Some(mut running) = server.take() {
            drop(running.control.take());
            sleep(second / 2).await;
            // A server that has not ended by then is killed.
        }
        sleep(second / 2).await;
        *server = Some(tokio::task::block_in_place(|| hosts.start(host, contender))?);
        sleep(second / 2).await;
    }
    Ok(())
}

/// Sets the time that the handlers of a server take.
fn set_delay(server: &mut Option<Server>, millis: u64) -> Result<(), BoxError> {
    if let Some(control) = server.as_mut().and_then(|server| server.control.as_mut()) {
        writeln!(control, "{millis}")?;
    }
    Ok(())
}

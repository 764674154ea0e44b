//! A group of members that find out who is there, without a server: SWIM-like gossip.
//!
//!     cargo run --example gossip                                  # three members in one process
//!     cargo run --example gossip -- 127.0.0.1:7001                # a member
//!     cargo run --example gossip -- 127.0.0.1:7002 127.0.0.1:7001 # joins it
//!
//! In each period, a member pings one other. If that does not respond, three others try, because
//! the fault may be on the path. If it does not respond to them either, it is a suspect, and dead
//! after some periods, unless it refutes that with a higher incarnation number. News of this
//! travels in the calls that are made anyway. The members trust each other: run it in a network
//! that strangers cannot reach.

mod membership;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use rpcudp::Endpoint;
use tokio::sync::broadcast::Receiver;

use self::membership::{Event, Membership};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Starts a member that pings another in each period.
async fn start(
    addr: &str,
    seeds: Vec<SocketAddr>,
    period: Duration,
) -> Result<(Endpoint, Membership, Receiver<Event>)> {
    let membership = Membership::new(period, SysRng.try_next_u64()?);
    let events = membership.events();
    let endpoint = Endpoint::builder().serve_with(membership.service(seeds)).bind(addr).await?;
    Ok((endpoint, membership, events))
}

/// Starts a member that joins others, and prints its events.
async fn run(addr: &str, seeds: Vec<SocketAddr>) -> Result<()> {
    let (endpoint, membership, mut events) = start(addr, seeds, Duration::from_secs(1)).await?;
    if endpoint.local_addr().ip().is_unspecified() {
        return Err(format!("{addr} is not an address that the others can use: give the one of this host").into());
    }
    println!("{} is a member", endpoint.local_addr());
    loop {
        match events.recv().await? {
            Event::Joined(member) => println!("{member} joined; {} others are here", membership.members().len()),
            Event::Died(member) => println!("{member} died; {} others are here", membership.members().len()),
        }
    }
}

/// Starts three members, and stops one of them.
async fn demonstrate() -> Result<()> {
    let period = Duration::from_millis(100);
    let (one, _, mut events) = start("127.0.0.1:0", Vec::new(), period).await?;
    let (_two, ..) = start("127.0.0.1:0", vec![one.local_addr()], period).await?;
    let (three, ..) = start("127.0.0.1:0", vec![one.local_addr()], period).await?;
    for _ in 0..2 {
        println!("{:?}", events.recv().await?);
    }
    let leaves = three.local_addr();
    three.close(Duration::ZERO).await;
    let died = events.recv().await?;
    println!("{died:?}");
    println!("found the dead member: {}", died == Event::Died(leaves));
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let Some((addr, seeds)) = arguments.split_first() else { return demonstrate().await };
    let seeds = seeds.iter().map(|seed| seed.parse()).collect::<std::result::Result<_, _>>()?;
    run(addr, seeds).await
}

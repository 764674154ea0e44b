//! `rpcudp call --all`: one call to each of several peers, or to an address that reaches several.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{IpAddr, SocketAddr};

use rpcudp::{All, Call, CallError, DynamicMethod};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::address::{Family, PeerAddr, resolve_all};
use crate::args::CallArguments;
use crate::exit::{Failure, FailureKind};
use crate::output::{self, DIM, ERROR, styled};
use crate::peer::{bind_for, parse_arguments};
use crate::value::Value;
use crate::value::json::ToJson;

/// A peer, and its result.
type Response = (SocketAddr, Result<Value, CallError<Value>>);

/// Makes the calls, and prints each response as a line. Succeeds if any peer has returned a value.
pub(crate) async fn run(arguments: &CallArguments, as_json: bool) -> Result<(), Failure> {
    let CallArguments { peer, method, arguments, retry, metadata, .. } = arguments;
    let arguments = parse_arguments(arguments, &peer.peer)?;
    let addrs = resolve_all(&peer.peer, Family::new(peer.ipv4, peer.ipv6)).await?;
    let method = DynamicMethod::new(method);
    let (send, mut responses) = mpsc::channel(64);
    let (mut calls, mut endpoints) = (JoinSet::new(), BTreeMap::new());
    for PeerAddr { addr, wire } in &addrs {
        // A socket of each family, unless the user chose one.
        let family = addr.is_ipv4() || peer.bind.is_some();
        let endpoint = match endpoints.entry(family) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(bind_for(peer, *addr).await?),
        };
        let call = method.fallible_call(&*endpoint, *addr, &arguments).retransmit(*retry);
        let call = metadata.iter().fold(call, |call, (key, value)| call.metadata(key, value));
        if wire.is_link() {
            // A link goes to one peer, so this is an ordinary call.
            calls.spawn(forward_one(*addr, wire.call(call), send.clone()));
            continue;
        }
        let all = call.all().within(peer.timeout);
        let all = if may_be_broadcast(addr) { all.broadcast() } else { all };
        calls.spawn(forward(all, send.clone()));
    }
    drop(send);
    let (mut is_successful, mut last_failure) = (false, None);
    while let Some((from, result)) = responses.recv().await {
        print(from, &result, as_json)?;
        match result {
            Ok(_) => is_successful = true,
            Err(error) => last_failure = Some(Failure::from(error)),
        }
    }
    if is_successful {
        return Ok(());
    }
    Err(last_failure.unwrap_or_else(|| {
        let name = method.name().escape_debug().to_string();
        Failure::new(FailureKind::Timeout, format!("`{name}`: no peer responded within {:?}", peer.timeout))
    }))
}

/// Whether the address may be the broadcast address of a network, which no address shows by itself.
/// The call to a peer that happens to have such an address takes as long as one to several peers.
fn may_be_broadcast(addr: &SocketAddr) -> bool {
    matches!(addr.ip(), IpAddr::V4(ip) if ip.octets()[3] == 255)
}

async fn forward(mut all: All<Value, Value>, responses: mpsc::Sender<Response>) {
    while let Some(response) = all.next().await {
        if responses.send(response).await.is_err() {
            return;
        }
    }
}

async fn forward_one(peer: SocketAddr, call: Call<Value, Value>, responses: mpsc::Sender<Response>) {
    // The receiver is gone if the output cannot be printed.
    let _ = responses.send((peer, call.await)).await;
}

fn print(from: SocketAddr, result: &Result<Value, CallError<Value>>, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let (value, error) = match result {
            Ok(value) => (Some(ToJson(value)), None),
            Err(error) => (None, Some(error.to_string())),
        };
        return Ok(output::json_line(&json!({ "peer": from, "value": value, "error": error }))?);
    }
    let text = match result {
        Ok(value) => value.to_string(),
        Err(error) => styled(ERROR, error),
    };
    Ok(output::line(&format!("{} {text}", styled(DIM, from)))?)
}

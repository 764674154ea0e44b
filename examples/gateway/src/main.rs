//! A gateway: forwards JSON over HTTP to any peer, without a contract of it.
//!
//! ```text
//! cargo run -p rpcudp-gateway -- 127.0.0.1:8080 127.0.0.1:0
//! curl -d '["Snake Plissken"]' 'http://127.0.0.1:8080/127.0.0.1:1234/sayhi?timeout_ms=2000'
//! curl 'http://127.0.0.1:8080/127.0.0.1:1234'            # the contracts that the peer publishes
//! ```
//!
//! Everyone who reaches the gateway can send datagrams to every address that the gateway reaches.
//! It therefore listens on loopback addresses only, and does not call the gateway's own host on
//! behalf of a browser: a request with the header `Origin` is refused.

mod error;
mod json;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use axum::routing::{get, post};
use axum::{Json, Router};
use rpcudp::dynamic::RawArguments;
use rpcudp::value::Encoded;
use rpcudp::{DynamicMethod, Endpoint};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;

use error::GatewayError;

/// The options of a call, in the query of the URL.
#[derive(Deserialize)]
struct Options {
    /// Default: the timeout of the endpoint, 5 s.
    timeout_ms: Option<u64>,
    /// Whether the request is retransmitted. Only for a method that may run more than once.
    #[serde(default)]
    retransmit: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut addrs = std::env::args().skip(1);
    let (Some(http), Some(udp)) = (addrs.next(), addrs.next()) else {
        return Err("usage: rpcudp-gateway HTTP_ADDR UDP_ADDR".into());
    };
    let listener = TcpListener::bind(http).await?;
    if !listener.local_addr()?.ip().is_loopback() {
        return Err("the gateway calls any address for anyone, so HTTP_ADDR must be a loopback address".into());
    }
    let endpoint = Endpoint::bind(udp).await?;
    println!("listening on {}", listener.local_addr()?);
    let stopped = async { drop(ctrl_c().await) };
    axum::serve(listener, routes(endpoint)).with_graceful_shutdown(stopped).await?;
    Ok(())
}

fn routes(endpoint: Endpoint) -> Router {
    Router::new().route("/{peer}", get(describe)).route("/{peer}/{method}", post(call)).with_state(endpoint)
}

/// Calls a method with the arguments in the body, a list. Responds with the value.
///
/// If the HTTP client disconnects, axum drops this future and thereby the call, and the peer's
/// handler is cancelled.
async fn call(
    State(endpoint): State<Endpoint>,
    Path((peer, method)): Path<(String, String)>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<serde_json::Value>, GatewayError> {
    refuse_browsers(&headers)?;
    let peer = parse_peer(&peer)?;
    let arguments: Vec<serde_json::Value> =
        serde_json::from_slice(&body).map_err(|error| GatewayError::bad_request(format!("the body: {error}")))?;
    let mut bytes = Vec::new();
    for argument in &arguments {
        let value = json::to_value(argument).map_err(GatewayError::bad_request)?;
        let encoded = Encoded::of(&value).map_err(|error| GatewayError::bad_request(error.to_string()))?;
        bytes.extend_from_slice(encoded.bytes());
    }
    // No body of HTTP has as many.
    let count = u32::try_from(arguments.len()).unwrap_or(u32::MAX);
    let mut call = DynamicMethod::forward(&endpoint, peer, &method, RawArguments::new(count, &bytes));
    call = call.retransmit(options.retransmit);
    if let Some(millis) = options.timeout_ms {
        call = call.timeout(Duration::from_millis(millis));
    }
    let value = call.await.map_err(|error| GatewayError::of_call(&error))?;
    let value = value.decode().map_err(|error| GatewayError::bad_gateway(error.to_string()))?;
    Ok(Json(json::from_value(&value)))
}

/// Responds with the contracts that a peer publishes, as Rust traits.
async fn describe(
    State(endpoint): State<Endpoint>,
    Path(peer): Path<String>,
    headers: HeaderMap,
) -> Result<String, GatewayError> {
    refuse_browsers(&headers)?;
    let described = endpoint.describe(parse_peer(&peer)?).await;
    let contracts = described.map_err(|error| GatewayError::of_call(&error.widen()))?;
    Ok(contracts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn parse_peer(peer: &str) -> Result<SocketAddr, GatewayError> {
    let addr: SocketAddr =
        peer.parse().map_err(|_| GatewayError::bad_request(format!("`{peer}` is no IP address and port")))?;
    let is_group = match addr.ip() {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    };
    if is_group { Err(GatewayError::bad_request(format!("`{peer}` is no address of one host"))) } else { Ok(addr) }
}

/// Refuses requests that a page of another site sends from a browser on this host.
fn refuse_browsers(headers: &HeaderMap) -> Result<(), GatewayError> {
    if headers.contains_key(ORIGIN) { Err(GatewayError::forbidden()) } else { Ok(()) }
}

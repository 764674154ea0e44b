//! Whatever a user calls things, what is generated does not get in the way.

mod attributes;
mod names;
mod places;

use rpcudp::Endpoint;

async fn pair(service: impl rpcudp::Service) -> (Endpoint, Endpoint) {
    let server = Endpoint::builder().serve(service).bind("127.0.0.1:0").await.unwrap();
    (server, Endpoint::bind("127.0.0.1:0").await.unwrap())
}

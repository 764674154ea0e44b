use rpcudp::{WeakEndpoint, rpc_service};

#[rpc_service]
trait Heart {
    fn beat(&self);
}

fn client(endpoint: &WeakEndpoint, peer: std::net::SocketAddr) -> HeartClient {
    HeartClient::new(endpoint, peer)
}

fn main() {}

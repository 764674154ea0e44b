use rpcudp::rpc_service;
use std::sync::Arc;

#[rpc_service]
trait Greeter {
    async fn sayhi(&self) -> String;
}

fn serve(greeter: Arc<dyn Greeter + Send + Sync>) {
    GreeterServer::from_arc(greeter);
}

fn main() {}

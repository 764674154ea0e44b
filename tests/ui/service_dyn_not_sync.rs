use rpcudp::{Endpoint, rpc_service};
use std::sync::Arc;

#[rpc_service]
trait Greeter {
    fn sayhi(&self);
}

fn serve(greeter: Arc<dyn Greeter>) {
    let _ = Endpoint::builder().serve(GreeterServer::from_arc(greeter));
}

fn main() {}

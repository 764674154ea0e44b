use rpcudp::{Endpoint, rpc_service};
use std::cell::Cell;

#[rpc_service]
trait Greeter {
    fn sayhi(&self);
}

struct Hello(Cell<u8>);

impl Greeter for Hello {
    fn sayhi(&self) {}
}

fn serve() {
    let _ = Endpoint::builder().serve(GreeterServer::new(Hello(Cell::new(0))));
}

fn main() {}

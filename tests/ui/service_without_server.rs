use rpcudp::{Endpoint, rpc_service};

#[rpc_service]
trait Greeter {
    fn sayhi(&self);
}

struct Hello;

impl Greeter for Hello {
    fn sayhi(&self) {}
}

fn serve() {
    let _ = Endpoint::builder().serve(Hello);
}

fn main() {}

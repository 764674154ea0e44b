use rpcudp::{Endpoint, rpc_service};

#[rpc_service]
trait Greeter {
    fn sayhi(&self);
}

struct Hello;

fn serve() {
    let _ = Endpoint::builder().serve(GreeterServer::new(Hello));
}

fn main() {}

use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn names(&self) -> impl Iterator<Item = String>;
}

fn main() {}

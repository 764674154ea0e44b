use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn compare(&self, other: Option<Self>) -> bool;
}

fn main() {}

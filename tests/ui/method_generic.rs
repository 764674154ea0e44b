use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn sayhi<T: Send>(&self, name: T);
    fn sayho<const N: usize>(&self);
}

fn main() {}

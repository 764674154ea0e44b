use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn sayhi(&self)
    where
        Self: Sized;
}

fn main() {}

use rpcudp::rpc_service;

#[rpc_service]
trait Greeter<K = Self> {
    fn sayhi(&self, name: K);
}

fn main() {}

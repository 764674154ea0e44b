use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn sayhi(&self, name: &'static str);
}

fn main() {}

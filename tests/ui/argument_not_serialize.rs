use rpcudp::rpc_service;

struct Name(String);

#[rpc_service]
trait Greeter {
    fn sayhi(&self, name: Name);
}

fn main() {}

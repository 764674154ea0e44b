use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn sayhi(&self, name: &str) -> String;
    fn sayho(&self);
}

struct Hello;

impl Greeter for Hello {
    fn sayho(&self) {}
}

fn main() {}

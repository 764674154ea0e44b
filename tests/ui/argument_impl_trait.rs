use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn sayhi(&self, name: impl Into<String>);
    fn nested(&self, names: Vec<impl Into<String>>);
}

fn main() {}

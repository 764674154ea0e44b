use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn sayhi(&self, name: &mut String);
    fn nested(&self, name: Option<&'static mut String>);
}

fn main() {}

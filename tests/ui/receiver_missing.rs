use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn sayhi(name: &str);
    fn sayho();
}

fn main() {}

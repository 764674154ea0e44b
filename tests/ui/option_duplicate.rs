use rpcudp::rpc_service;

#[rpc_service(namespace = "a.", namespace = "b.")]
trait Greeter {
    #[rpc(timeout = "1s", timeout = "2s")]
    fn sayhi(&self);
    #[rpc(at_least_once)]
    #[rpc(at_least_once)]
    fn sayho(&self);
}

fn main() {}

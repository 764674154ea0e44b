use rpcudp::rpc_service;

#[rpc_service(namespace = "kad.")]
trait Greeter {
    fn sayhi(&self);
    #[rpc(name = "sayhi")]
    fn sayho(&self);
}

fn main() {}

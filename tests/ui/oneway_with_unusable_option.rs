use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    #[rpc(oneway, timeout = "2s")]
    fn sayhi(&self);
    #[rpc(fallible, oneway)]
    fn sayho(&self);
    #[rpc(oneway, wait_for_ready)]
    fn saybye(&self);
}

fn main() {}

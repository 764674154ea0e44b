use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    #[cfg_attr(unix, rpc(oneway))]
    fn sayhi(&self);
}

fn main() {}

use rpcudp::rpc_service;

struct LoopClient;

#[rpc_service]
trait Loop {
    fn turn(&self);
}

fn main() {}

use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    #[rpc(oneway)]
    fn sayhi(&self) -> String;
}

fn main() {}

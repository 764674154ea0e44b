use rpcudp::rpc_service;

#[derive(serde::Serialize, serde::Deserialize)]
struct Context;

#[rpc_service]
trait Greeter {
    fn sayhi(&self, cx: &Context);
}

fn main() {}

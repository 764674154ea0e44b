use rpcudp::rpc_service;

#[rpc_service(prefix = "kad.")]
trait Greeter {
    #[rpc(retries = 3)]
    fn sayhi(&self, #[rpc(ctx)] cx: &rpcudp::Context);
}

fn main() {}

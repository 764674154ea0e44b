use rpcudp::{Context, rpc_service};

#[rpc_service]
trait Greeter {
    fn sayhi(&self, cx: &Context, other: Context);
}

fn main() {}

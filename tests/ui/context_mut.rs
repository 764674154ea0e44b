use rpcudp::{Context, rpc_service};

#[rpc_service]
trait Greeter {
    fn sayhi(&self, cx: &mut Context);
}

fn main() {}

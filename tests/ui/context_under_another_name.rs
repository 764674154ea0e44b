use rpcudp::{Context as Cx, rpc_service};

#[rpc_service]
trait Greeter {
    fn sayhi(&self, cx: &Cx) -> String;
    async fn sayhi_later(&self, name: &str, cx: Cx) -> String;
}

fn main() {}

use rpcudp::rpc_service;
use std::borrow::Cow;

#[rpc_service]
trait Greeter {
    fn name(&self) -> &str;
    fn constant(&self) -> &'static str;
    async fn cow(&self) -> Cow<'_, str>;
    fn nested(&self) -> Option<Vec<&str>>;
}

fn main() {}

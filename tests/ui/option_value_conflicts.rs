use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    #[rpc(fallible, value)]
    fn sayhi(&self) -> Result<u8, u8>;
    #[rpc(value)]
    fn sayho(&self);
    #[rpc(oneway, value)]
    fn saybye(&self);
    #[rpc(at_least_once, at_least_once)]
    fn again(&self);
    #[rpc(alias = "")]
    fn renamed(&self);
    #[rpc(alias = "renamed")]
    fn once_more(&self);
}

fn main() {}

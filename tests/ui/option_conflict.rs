use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    #[rpc(at_least_once, at_most_once)]
    fn sayhi(&self);
    #[rpc(oneway, at_least_once)]
    fn sayho(&self);
    fn context(&self, #[rpc(context, argument)] cx: &rpcudp::Context);
}

fn main() {}

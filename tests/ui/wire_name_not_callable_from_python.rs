use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn _sayhi(&self);
    fn rpc_sayhi(&self);
    #[rpc(name = "__class__")]
    fn class(&self);
    fn transport(&self);
}

fn main() {}

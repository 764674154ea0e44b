use rpcudp::rpc_service;
use std::sync::Arc;

#[rpc_service]
trait Greeter {
    fn exclusive(&mut self);
    fn by_value(self);
    fn counted(self: Arc<Self>);
}

fn main() {}

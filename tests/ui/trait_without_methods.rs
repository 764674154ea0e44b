use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {}

fn main() {}

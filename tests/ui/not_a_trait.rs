use rpcudp::rpc_service;

#[rpc_service]
struct Greeter;

fn main() {}

#![deny(unused_must_use)]

use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    #[rpc(oneway)]
    fn sayhi(&self);
}

fn call(greeter: &GreeterClient) {
    greeter.sayhi();
}

fn main() {}

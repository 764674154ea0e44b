use rpcudp::rpc_service;
use std::io;

#[rpc_service]
trait Files {
    fn size(&self, path: &str) -> io::Result<u64>;
}

fn main() {}

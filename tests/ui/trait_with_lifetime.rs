use rpcudp::rpc_service;

#[rpc_service]
trait Greeter<'a> {
    fn sayhi(&self, name: &'a str);
}

fn main() {}

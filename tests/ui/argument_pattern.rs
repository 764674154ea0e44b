use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn pair(&self, (first, last): (String, String));
    fn unnamed(&self, _: u8);
    fn mutable(&self, mut count: u8);
}

fn main() {}

use rpcudp::rpc_service;

#[rpc_service(client = "Greeter Client", server = Other, dyn = "", python)]
trait Greeter {
    fn sayhi(&self);
}

#[rpc_service(python = "no")]
trait Other {
    fn sayhi(&self);
}

fn main() {}

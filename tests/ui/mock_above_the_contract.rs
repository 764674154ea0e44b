use rpcudp::rpc_service;

trait Greeter {
    fn sayhi(&self);
}

struct MockGreeter;

// `#[automock]` above `#[rpc_service]` copies the attributes of the trait to the mock.
#[rpc_service]
impl Greeter for MockGreeter {
    fn sayhi(&self) {}
}

fn main() {}

use rpcudp::rpc_service;

#[derive(serde::Serialize)]
struct Greeting(String);

#[rpc_service]
trait Greeter {
    fn sayhi(&self) -> Greeting;
}

fn main() {}

use rpcudp::rpc_service;

#[derive(serde::Deserialize)]
struct Greeting(String);

#[rpc_service]
trait Greeter {
    fn sayhi(&self) -> Greeting;
    async fn sayhi_later(&self) -> Option<Greeting>;
}

fn main() {}

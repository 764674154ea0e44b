use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn sayhi(&self, name: &str) -> String;
}

async fn call(greeter: GreeterClient) {
    let _: String = greeter.sayhi(3).await.unwrap();
    let _: u8 = greeter.sayhi("three").await.unwrap();
}

fn main() {}

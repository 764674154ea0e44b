use rpcudp::{CallError, rpc_service};

#[rpc_service]
trait Greeter {
    fn sayhi(&self) -> String;
}

async fn call(greeter: GreeterClient) {
    if let Err(CallError::Application(error)) = greeter.sayhi().await {
        let _: String = error;
    }
}

fn main() {}

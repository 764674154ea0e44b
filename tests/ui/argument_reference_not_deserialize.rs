use rpcudp::rpc_service;

#[derive(serde::Serialize)]
struct Name(String);

#[rpc_service]
trait Greeter {
    fn sayhi(&self, name: &Name);
    async fn sayhi_later(&self, names: &[Name]);
}

fn main() {}

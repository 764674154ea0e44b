use rpcudp::rpc_service;

mod mine {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Result(pub u8);
}

#[rpc_service]
trait Greeter {
    fn sayhi(&self) -> mine::Result;
}

fn main() {}

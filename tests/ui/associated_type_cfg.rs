use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    #[cfg(unix)]
    type Name: serde::Serialize + serde::de::DeserializeOwned;

    fn sayhi(&self);
}

fn main() {}

use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    fn sayhi(&self, #[cfg(unix)] name: &str);
}

fn main() {}

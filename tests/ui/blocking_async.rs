use rpcudp::rpc_service;

#[rpc_service]
trait Files {
    #[rpc(blocking)]
    async fn read(&self, path: &str) -> Vec<u8>;
    #[rpc(blocking = true)]
    fn write(&self, path: &str, bytes: &[u8]);
    #[rpc(blocking, at_least_once, blocking)]
    fn remove(&self, path: &str);
}

fn main() {}

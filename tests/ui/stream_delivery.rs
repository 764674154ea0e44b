use rpcudp::rpc_service;

struct Inflow<T>(T);
struct Outflow<T>(T);

#[rpc_service]
trait Files {
    #[rpc(at_least_once)]
    fn watch(&self) -> Outflow<u8>;
    #[rpc(at_most_once, timeout = "10m")]
    async fn put(&self, data: Inflow<u8>);
    #[rpc(oneway)]
    async fn note(&self, data: Inflow<u8>);
    #[rpc(wait_for_ready)]
    async fn get(&self) -> Result<Outflow<u8>, String>;
}

fn main() {}

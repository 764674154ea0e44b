use rpcudp::rpc_service;

#[rpc_service(namespace)]
trait Greeter {
    #[rpc(timeout)]
    fn sayhi(&self);
    #[rpc(name = 3)]
    fn sayho(&self);
    #[rpc(oneway = true)]
    fn note(&self);
    #[rpc]
    fn bare(&self);
    #[rpc = "name"]
    fn assigned(&self);
}

fn main() {}

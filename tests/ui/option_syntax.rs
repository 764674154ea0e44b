use rpcudp::rpc_service;

#[rpc_service("kad.")]
trait Greeter {
    #[rpc(timeout: "2s")]
    fn colon(&self);
    #[rpc(timeout("2s"))]
    fn parentheses(&self);
    #[rpc("hi")]
    fn value(&self);
    #[rpc()]
    fn empty(&self);
    #[rpc]
    fn bare(&self, #[rpc] cx: u8);
    #[rpc = "hi"]
    fn equals(&self);
}

fn main() {}

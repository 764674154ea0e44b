use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    #[rpc(timeout = "soon")]
    fn soon(&self);
    #[rpc(timeout = "2")]
    fn unitless(&self);
    #[rpc(timeout = "0s")]
    fn never(&self);
}

fn main() {}

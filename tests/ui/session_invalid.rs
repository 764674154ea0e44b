use rpcudp::rpc_service;

#[rpc_service(session = 5)]
trait Lobby {
    #[rpc(session = "")]
    fn ready(&self);
    #[rpc(session = operator)]
    fn stop(&self);
    #[rpc(session, session = "operator")]
    fn start(&self);
}

fn main() {}

use rpcudp::rpc_service;

#[rpc_service(nonsense)]
unsafe trait Greeter<'a> {
    const POLITE: bool;
    #[rpc(oneway, timeout = "never")]
    fn sayhi<T>(&mut self, (a, b): (u8, u8), name: &mut str) -> impl Sized {}
}

fn main() {}

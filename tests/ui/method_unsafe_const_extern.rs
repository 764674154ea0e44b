use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    unsafe fn careless(&self);
    const fn early(&self);
    extern "C" fn foreign(&self);
}

fn main() {}

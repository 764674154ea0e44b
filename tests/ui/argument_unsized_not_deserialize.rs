use rpcudp::rpc_service;

#[rpc_service]
trait Shell {
    fn run(&self, command: &std::ffi::CStr) -> u8;
}

fn main() {}

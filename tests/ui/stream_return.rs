use rpcudp::rpc_service;

struct Inflow<T>(T);
struct Outflow<T>(T);

#[rpc_service]
trait Files {
    fn receives(&self) -> Inflow<u8>;
    fn receives_or_fails(&self) -> Result<Inflow<u8>, String>;
    fn inside(&self) -> Vec<Outflow<u8>>;
    fn as_an_error(&self) -> Result<u8, Outflow<u8>>;
    #[rpc(value)]
    fn own_type(&self) -> Outflow<u8>;
}

fn main() {}

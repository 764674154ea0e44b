use rpcudp::rpc_service;

struct Inflow<T>(T);
struct Outflow<T>(T);

#[rpc_service]
trait Files {
    async fn first(&self, data: Inflow<u8>, name: &str);
    async fn two(&self, one: Inflow<u8>, other: Inflow<u8>);
    async fn by_reference(&self, data: &mut Inflow<u8>);
    async fn inside(&self, data: Option<Inflow<u8>>);
    async fn sends(&self, data: Outflow<u8>);
    fn cannot_wait(&self, data: Inflow<u8>);
    #[rpc(blocking)]
    fn blocks(&self, data: Inflow<u8>);
    async fn own_type(&self, #[rpc(argument)] outflow: Outflow<u8>, #[rpc(argument)] inflow: Inflow<u8>);
}

fn main() {}

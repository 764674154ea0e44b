use rpcudp::rpc_service;

type RpcResult<T> = Result<T, String>;

#[rpc_service]
trait Greeter {
    fn sayhi(&self) -> RpcResult<String>;
    async fn sayhi_later(&self) -> RpcResult<()>;
}

fn main() {}

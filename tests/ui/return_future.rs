use rpcudp::rpc_service;
use std::future::Future;
use std::pin::Pin;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[rpc_service]
trait Greeter {
    fn sayhi(&self) -> impl Future<Output = Result<String, u8>> + Send;
    fn sayho(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    fn sayhey(&self) -> BoxFuture<'_, String>;
}

fn main() {}

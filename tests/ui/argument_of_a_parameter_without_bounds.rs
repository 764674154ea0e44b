use rpcudp::rpc_service;

#[rpc_service]
pub trait Store<K> {
    type Value;

    fn put(&self, key: K, value: Self::Value);
}

fn main() {}

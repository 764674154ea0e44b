use rpcudp::rpc_service;

#[rpc_service]
trait Greeter<K: Into<Self::Tag>>: Iterator
where
    Self::Item: Clone,
{
    type Name: serde::Serialize + serde::de::DeserializeOwned + From<Self>;

    fn sayhi(&self, name: &Self::Nmae) -> Vec<Self::Item>;
    fn size(&self, bytes: [u8; Self::LEN]);
}

fn main() {}

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Rumour<'a>(&'a str);

type Text = &'static str;

#[rpc_service]
trait Greeter {
    fn hidden_lifetime(&self) -> Rumour;
    fn alias(&self) -> Text;
    fn alias_within(&self) -> Result<Vec<Text>, u8>;
    fn with_static_lifetime(&self) -> Option<Rumour<'static>>;
}

fn main() {}

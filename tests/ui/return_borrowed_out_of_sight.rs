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
    fn owned_for_ever(&self) -> Option<Rumour<'static>>;
}

fn main() {}

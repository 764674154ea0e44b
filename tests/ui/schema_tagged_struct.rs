use rpcudp::Schema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Schema, Serialize)]
#[serde(tag = "kind")]
struct Player {
    name: String,
}

fn main() {}

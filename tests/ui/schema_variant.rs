use rpcudp::Schema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Schema, Serialize)]
enum Team {
    Red,
    #[serde(untagged)]
    Other(String),
}

fn main() {}

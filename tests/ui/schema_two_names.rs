use rpcudp::Schema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Schema, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "snake_case"))]
struct Player {
    #[serde(rename(serialize = "hp", deserialize = "HP"))]
    hit_points: u64,
    #[serde(rename(serialize = "name", deserialize = "name"))]
    title: String,
}

fn main() {}

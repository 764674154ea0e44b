use rpcudp::Schema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Deserialize, Schema, Serialize)]
#[serde(from = "u64", into = "u64")]
struct Millis {
    millis: u64,
}

impl From<u64> for Millis {
    fn from(millis: u64) -> Self {
        Self { millis }
    }
}

impl From<Millis> for u64 {
    fn from(millis: Millis) -> Self {
        millis.millis
    }
}

#[derive(Deserialize, Schema, Serialize)]
struct Player {
    #[serde(skip_serializing, default)]
    cache: u64,
    #[serde(serialize_with = "write", deserialize_with = "read")]
    name: String,
}

fn main() {}

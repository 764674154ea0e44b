use rpcudp::Schema;

#[derive(Schema)]
#[schema(crate = "rpcudp")]
struct One;

#[derive(Schema)]
#[schema(name = "Second")]
struct Two;

fn main() {}

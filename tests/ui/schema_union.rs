use rpcudp::Schema;

#[derive(Schema)]
union Number {
    signed: i64,
    unsigned: u64,
}

fn main() {}

mod contract;
mod decode;
mod lenient;
mod value;

pub(crate) use contract::KnockClient;
pub use contract::{Found, Kademlia, KademliaClient, KademliaServer, Seen};
pub use value::Value;

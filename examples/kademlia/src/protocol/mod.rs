mod contract;
mod decode;
mod lenient;
mod value;

pub(crate) use contract::SinglePingClient;
pub use contract::{FindValueResponse, Kademlia, KademliaClient, KademliaServer, ObservedAddr};
pub use value::Value;

mod compact;
mod contract;
mod decode;
mod lenient;
mod served;
mod value;

pub use contract::{FindValueResponse, Kademlia, KademliaClient, KademliaServer, ObservedAddr};
pub(crate) use served::{
    MaybeValue, ServedKademlia, ServedKademliaClient, ServedKademliaServer, ShortId, SinglePingClient,
};
pub use value::Value;

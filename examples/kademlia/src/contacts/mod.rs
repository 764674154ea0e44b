mod address;
mod contact;
mod id;

pub use address::{Neighbourhood, is_worth_a_datagram};
pub use contact::{Contact, Contacts};
pub use id::{Distance, ID_LEN, Key, NodeId, ParseIdError};

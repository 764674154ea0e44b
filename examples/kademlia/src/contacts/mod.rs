mod address;
mod contact;
mod id;

pub use address::{Subnet, is_contactable};
pub use contact::{Contact, Contacts};
pub(crate) use id::TextId;
pub use id::{Distance, ID_LEN, Key, NodeId, ParseIdError};

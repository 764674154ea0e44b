mod address;
mod contact;
mod id;

pub(crate) use address::with_scope;
pub use address::{Subnet, is_contactable};
pub use contact::{Contact, Contacts, NamedContact};
pub(crate) use id::TextId;
pub use id::{Distance, ID_LEN, Key, NodeId, ParseIdError};

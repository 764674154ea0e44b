//! Sources of peers for groups of [`rpcudp`]: each gives the [`Peers`](rpcudp::Peers) of a group and
//! keeps them current while the group is in use.
//!
//! | feature | item | peers | engine | crates that it adds |
//! | --- | --- | --- | --- | --- |
//! | `dns` | [`Dns`] | the addresses of a host name, such as a headless service of Kubernetes | the system's resolver | 0 |
//!
//! No feature is on by default.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "dns")]
mod lookup_error;
#[cfg(feature = "dns")]
mod name_error;
#[cfg(feature = "dns")]
mod refresh;
#[cfg(feature = "dns")]
mod source;

#[cfg(feature = "dns")]
#[cfg_attr(docsrs, doc(cfg(feature = "dns")))]
pub use dns::Dns;
#[cfg(feature = "dns")]
#[cfg_attr(docsrs, doc(cfg(feature = "dns")))]
pub use lookup_error::LookupError;
#[cfg(feature = "dns")]
#[cfg_attr(docsrs, doc(cfg(feature = "dns")))]
pub use name_error::NameError;

//! Sources of peers for groups of [`rpcudp`]: each gives the [`Peers`](rpcudp::Peers) of a group
//! and keeps them current while the group is in use.
//!
//! | feature | item | peers | engine | crates that it adds |
//! | --- | --- | --- | --- | --- |
//! | `dns` | [`Dns`] | the addresses of a host name, such as a headless service of Kubernetes | the system's resolver | 0 |
//! | `srv` | [`Srv`] | the hosts and ports of SRV records, with their times to live | [hickory-resolver](https://docs.rs/hickory-resolver) | 63 |
//! | `mdns` | [`Mdns`], [`Announcement`] | the hosts of a local network that announce a service | [mdns-sd](https://docs.rs/mdns-sd) | 11 |
//! | `swim` | [`Swim`] | the members of a cluster, which watch each other | [foca](https://docs.rs/foca) | 3 |
//!
//! No feature is on by default. The engines have the licences of this crate, except foca: it has
//! the MPL 2.0, which a program of any licence may use, and which asks to publish changes of foca
//! itself.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "dns")]
mod dns;
#[cfg(any(feature = "dns", feature = "srv"))]
mod family;
#[cfg(any(feature = "dns", feature = "srv"))]
mod lookup_error;
#[cfg(feature = "mdns")]
mod mdns;
#[cfg(any(feature = "dns", feature = "mdns", feature = "srv"))]
mod name_error;
#[cfg(any(feature = "dns", feature = "srv"))]
mod refresh;
#[cfg(any(feature = "dns", feature = "mdns", feature = "srv", feature = "swim"))]
mod source;
#[cfg(feature = "srv")]
mod srv;
#[cfg(feature = "swim")]
mod swim;

#[cfg(feature = "dns")]
#[cfg_attr(docsrs, doc(cfg(feature = "dns")))]
pub use dns::Dns;
#[cfg(any(feature = "dns", feature = "srv"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "dns", feature = "srv"))))]
pub use lookup_error::LookupError;
#[cfg(feature = "mdns")]
#[cfg_attr(docsrs, doc(cfg(feature = "mdns")))]
pub use mdns::{
    announcement::Announcement,
    browser::{MdnsBrowser, MdnsEvent},
    error::MdnsError,
    instance::MdnsInstance,
    service::Mdns,
};
#[cfg(any(feature = "dns", feature = "mdns", feature = "srv"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "dns", feature = "mdns", feature = "srv"))))]
pub use name_error::NameError;
#[cfg(feature = "srv")]
#[cfg_attr(docsrs, doc(cfg(feature = "srv")))]
pub use srv::Srv;
#[cfg(feature = "swim")]
#[cfg_attr(docsrs, doc(cfg(feature = "swim")))]
pub use swim::{
    builder::SwimBuilder,
    error::SwimError,
    event::{SwimEvent, SwimEvents},
    handle::{Swim, SwimMember},
};

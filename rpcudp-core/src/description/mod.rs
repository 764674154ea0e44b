//! The description of an endpoint: the contracts of its services, transferred page by page.
//!
//! A [`Description`] consists of [`Part`]s. A [`Page`] has as many of them as fit into a small
//! datagram. An [`Assembly`] requests one page after another and assembles the contracts. It
//! validates everything, because pages may come from an untrusted peer.
//!
//! ```
//! use std::borrow::Cow;
//!
//! use rpcudp_core::contract::Contract;
//! use rpcudp_core::description::{Assembly, Description};
//!
//! const CLOCK: &Contract = &Contract { name: Cow::Borrowed("Clock"), ..Contract::EMPTY };
//!
//! let description = Description::new(&[CLOCK], Description::PAGE_LEN);
//! let mut assembly = Assembly::default();
//! while let Some(from) = assembly.wanted() {
//!     assembly.add(description.page(from))?;
//! }
//! assert_eq!(assembly.finish(), [CLOCK.clone()]);
//! # Ok::<(), rpcudp_core::codec::DecodeError>(())
//! ```

mod assembly;
mod page;
mod part;

pub use assembly::Assembly;
pub use page::Page;
pub use part::Part;

use crate::codec::encode;
use crate::contract::{Contract, Fnv};

/// Contracts, split into parts that fit into pages.
#[derive(Clone, Debug, Default)]
pub struct Description {
    parts: Vec<Part>,
    /// The encoded length of each part.
    lens: Vec<usize>,
    page_len: usize,
    version: u64,
}

impl Description {
    /// The default length of a page in bytes. It fits into one IP packet on every path, because
    /// IPv6 requires all links to carry datagrams of 1,232 bytes.
    pub const PAGE_LEN: usize = 1_200;

    /// The maximum length of a page without its parts: two counts and the version.
    const PAGE_OVERHEAD: usize = 20;

    /// Creates the description of contracts, with pages of `page_len` bytes.
    ///
    /// Splits documentation that does not fit into a page. The rest of a method or a trait is never
    /// split; it may make its page longer than `page_len`.
    #[must_use]
    pub fn new(contracts: &[&Contract], page_len: usize) -> Self {
        let room = page_len.saturating_sub(Self::PAGE_OVERHEAD);
        let mut parts = Vec::new();
        for contract in contracts {
            part::split_contract(contract, room, &mut parts);
        }
        let (mut lens, mut version, mut bytes) = (Vec::with_capacity(parts.len()), Fnv::START, Vec::new());
        for part in &parts {
            bytes.clear();
            encode(&mut bytes, part).expect("a contract consists of text and numbers, and is not deep");
            lens.push(bytes.len());
            version = version.field(&bytes);
        }
        Self { parts, lens, page_len, version: version.finish() }
    }

    /// Returns a page that starts with the part of index `from`. It has at least one part, if there
    /// is one.
    #[must_use]
    pub fn page(&self, from: u32) -> Page {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.parts.len());
        let mut room = self.page_len.saturating_sub(Self::PAGE_OVERHEAD);
        let fits = |len: &&usize| {
            let left = room.checked_sub(**len);
            room = left.unwrap_or(0);
            left.is_some()
        };
        let fitting = self.lens[from..].iter().take_while(fits).count();
        let to = (from + fitting.max(1)).min(self.parts.len());
        let total = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        Page { total, parts: self.parts[from..to].to_vec(), version: self.version }
    }
}

#[cfg(test)]
mod tests;

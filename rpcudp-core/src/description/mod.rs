//! What an endpoint says of its services when it is asked: their contracts, a page at a time.
//!
//! A [`Description`] is cut into [`Part`]s, and answers with as many of them as fit into a small datagram; an [`Assembly`]
//! asks for one page after the other and makes contracts of them again. It believes nothing: a page may come from anybody.
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

/// Contracts, cut into parts that a page has room for.
#[derive(Clone, Debug, Default)]
pub struct Description {
    parts: Vec<Part>,
    /// How many bytes each takes.
    lens: Vec<usize>,
    page_len: usize,
    version: u64,
}

impl Description {
    /// How many bytes a page has, unless it is told otherwise: what travels in one piece on every path, for IPv6 carries
    /// datagrams of 1,232 bytes everywhere.
    pub const PAGE_LEN: usize = 1_200;

    /// What a page has besides its parts, at the most: how many there are, how many it has, and the version.
    const AROUND_PARTS_LEN: usize = 20;

    /// Describes these contracts, on pages of so many bytes.
    ///
    /// Documentation is cut where it does not fit. The rest of a method, or of what is said of a trait, goes with one page,
    /// however large it is.
    #[must_use]
    pub fn new(contracts: &[&'static Contract], page_len: usize) -> Self {
        let room = page_len.saturating_sub(Self::AROUND_PARTS_LEN);
        let mut parts = Vec::new();
        for contract in contracts {
            part::cut(contract, room, &mut parts);
        }
        let (mut lens, mut version, mut bytes) = (Vec::with_capacity(parts.len()), Fnv::START, Vec::new());
        for part in &parts {
            bytes.clear();
            encode(&mut bytes, part).expect("a contract is text and numbers, and not deep");
            lens.push(bytes.len());
            version = version.field(&bytes);
        }
        Self { parts, lens, page_len, version: version.mixed() }
    }

    /// The parts from this one on, counted from 0, as far as a page has room: at least one, if there is one.
    #[must_use]
    pub fn page(&self, from: u32) -> Page {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.parts.len());
        let mut room = self.page_len.saturating_sub(Self::AROUND_PARTS_LEN);
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

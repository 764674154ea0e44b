//! Floods through real sockets.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, sendmmsg};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use rpcudp_core::codec::encode;
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Dialect, MessageId, Request};

use super::flooder::Flood;
use crate::measuring::BoxError;

/// How many datagrams share a system call.
const BATCH_LEN: usize = 64;

/// How many addresses a flood comes from: so many that what bounds one source does not hold back a flood of requests.
const SOURCE_COUNT: u8 = 8;

/// Datagrams that are sent over and over, from several addresses.
pub(super) struct SocketFlood {
    sockets: Vec<UdpSocket>,
    headers: MultiHeaders<()>,
    datagrams: Vec<Vec<u8>>,
    /// How many batches have been sent.
    count: usize,
    rng: StdRng,
    /// Whether each needs an id of its own each time.
    needs_fresh_ids: bool,
}

impl SocketFlood {
    /// Datagrams that are nothing: see [`garbage`].
    ///
    /// # Errors
    ///
    /// Where the sockets cannot be had.
    pub(super) fn with_garbage(target: SocketAddr, seed: u64) -> Result<Self, BoxError> {
        /// So many that no two neighbours are handled alike, and few enough for the cache.
        const COUNT: usize = 1_024;

        let mut rng = StdRng::seed_from_u64(seed);
        let datagrams = (0..COUNT).map(|_| garbage(&mut rng)).collect();
        Self::new(target, datagrams, rng, false)
    }

    /// Calls of the slow method.
    ///
    /// # Errors
    ///
    /// Where the sockets cannot be had.
    pub(super) fn with_lookups(target: SocketAddr, seed: u64) -> Result<Self, BoxError> {
        let datagrams = vec![request("lookup", &[0xab_u8; 32].to_vec())?; BATCH_LEN];
        Self::new(target, datagrams, StdRng::seed_from_u64(seed), true)
    }

    fn new(target: SocketAddr, datagrams: Vec<Vec<u8>>, rng: StdRng, needs_fresh_ids: bool) -> Result<Self, BoxError> {
        let sockets = (1..=SOURCE_COUNT).map(|number| {
            let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 9, number), 0))?;
            // Nobody reads what is answered: the kernel drops it when the buffer is full.
            socket.connect(target)?;
            Ok(socket)
        });
        Ok(Self {
            sockets: sockets.collect::<io::Result<_>>()?,
            headers: MultiHeaders::preallocate(BATCH_LEN, None),
            datagrams,
            count: 0,
            rng,
            needs_fresh_ids,
        })
    }
}

impl Flood for SocketFlood {
    fn send_batch(&mut self) -> Result<usize, BoxError> {
        let Self { sockets, headers, datagrams, count, rng, needs_fresh_ids } = self;
        let first = *count * BATCH_LEN % datagrams.len();
        let batch = &mut datagrams[first..first + BATCH_LEN];
        if *needs_fresh_ids {
            for datagram in &mut *batch {
                Request::set_id(datagram, MessageId::without_slot(rng.random()));
            }
        }
        let slices: Vec<_> = batch.iter().map(|datagram| [IoSlice::new(datagram)]).collect();
        let socket = &sockets[*count % sockets.len()];
        *count += 1;
        let addrs = [None; BATCH_LEN];
        Ok(sendmmsg(socket.as_raw_fd(), headers, &slices, addrs, [], MsgFlags::empty())?.count())
    }
}

/// The datagram of a request with one argument. Its caller does not say how long it waits, as Python's do not.
///
/// # Errors
///
/// Where the argument cannot be encoded.
pub(super) fn request(method: &str, argument: &impl serde::Serialize) -> Result<Vec<u8>, BoxError> {
    let mut datagram = Vec::new();
    Request::begin(&mut datagram, Dialect::Rpcudp, method, 1);
    encode(&mut datagram, argument)?;
    Ok(datagram)
}

/// A datagram that is to be dropped: one of either dialect's kinds, or noise, with a body that is none. A response that is
/// well-formed is one that nobody waits for.
fn garbage(rng: &mut StdRng) -> Vec<u8> {
    const KINDS: [u8; 5] = [0x00, 0x01, 0x02, 0x03, 0x04];

    let mut datagram = vec![0; HEADER_LEN];
    rng.fill_bytes(&mut datagram);
    datagram[0] = KINDS[rng.random_range(0..KINDS.len())];
    match rng.random_range(0..6) {
        0 => {
            datagram.resize(rng.random_range(0..1_200), 0);
            rng.fill_bytes(&mut datagram);
        }
        1 => {
            datagram.resize(HEADER_LEN + rng.random_range(0..1_200), 0);
            rng.fill_bytes(&mut datagram[HEADER_LEN..]);
        }
        // Arrays within arrays.
        2 => datagram.resize(HEADER_LEN + rng.random_range(100..1_200), 0x91),
        // Four billion elements are claimed, and there are none.
        3 => datagram.extend_from_slice(b"\x92\xa4echo\xdd\xff\xff\xff\xff"),
        // Cut short.
        4 => datagram.extend_from_slice(b"\x92\xa4ec"),
        // No request is a number.
        _ => datagram.push(7),
    }
    datagram
}

#[cfg(test)]
mod tests {
    use rpcudp_core::Frame;

    use super::*;

    #[test]
    fn no_garbage_is_a_request_and_lookups_are() {
        let mut rng = StdRng::seed_from_u64(7);
        for _ in 0..10_000 {
            let datagram = garbage(&mut rng);
            let frame = Frame::decode(&datagram, Dialect::Rpcudp);
            assert!(!matches!(frame, Ok(Frame::Request(_))), "{frame:?}");
        }
        let datagram = request("lookup", &1).unwrap();
        assert!(matches!(Frame::decode(&datagram, Dialect::Rpcudp), Ok(Frame::Request(_))));
    }
}

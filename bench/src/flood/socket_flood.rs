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

/// The number of datagrams per system call.
const BATCH_LEN: usize = 64;

/// The number of source addresses of a flood: enough that the limit per source does not hold back a
/// flood of requests.
const SOURCE_COUNT: u8 = 8;

/// A flood that sends the same datagrams again and again, from several addresses.
pub(super) struct SocketFlood {
    sockets: Vec<UdpSocket>,
    headers: MultiHeaders<()>,
    datagrams: Vec<Vec<u8>>,
    /// The number of batches sent.
    count: usize,
    rng: StdRng,
    /// Whether each datagram gets a new message id before it is sent.
    needs_fresh_ids: bool,
}

impl SocketFlood {
    /// Creates a flood of invalid datagrams (see [`garbage`]).
    ///
    /// # Errors
    ///
    /// Returns an error if a socket cannot be bound.
    pub(super) fn with_garbage(target: SocketAddr, seed: u64) -> Result<Self, BoxError> {
        Self::with_datagrams(target, seed, garbage)
    }

    /// Creates a flood of datagrams that look like those of links (see [`link_garbage`]).
    ///
    /// # Errors
    ///
    /// Returns an error if a socket cannot be bound.
    pub(super) fn with_link_garbage(target: SocketAddr, seed: u64) -> Result<Self, BoxError> {
        Self::with_datagrams(target, seed, link_garbage)
    }

    fn with_datagrams(target: SocketAddr, seed: u64, make: fn(&mut StdRng) -> Vec<u8>) -> Result<Self, BoxError> {
        /// The number of different datagrams: enough for variety, and few enough for the cache.
        const COUNT: usize = 1_024;

        let mut rng = StdRng::seed_from_u64(seed);
        let datagrams = (0..COUNT).map(|_| make(&mut rng)).collect();
        Self::new(target, datagrams, rng, false)
    }

    /// Creates a flood of calls of the slow method.
    ///
    /// # Errors
    ///
    /// Returns an error if a socket cannot be bound.
    pub(super) fn with_lookups(target: SocketAddr, seed: u64) -> Result<Self, BoxError> {
        let datagrams = vec![request("lookup", &[0xab_u8; 32].to_vec())?; BATCH_LEN];
        Self::new(target, datagrams, StdRng::seed_from_u64(seed), true)
    }

    /// Creates a flood of calls of the method that hangs, from one address.
    ///
    /// # Errors
    ///
    /// Returns an error if a socket cannot be bound.
    pub(super) fn with_hanging_calls(target: SocketAddr, seed: u64) -> Result<Self, BoxError> {
        let datagrams = vec![request("hang", &[0xab_u8; 32].to_vec())?; BATCH_LEN];
        let mut flood = Self::new(target, datagrams, StdRng::seed_from_u64(seed), true)?;
        flood.sockets.truncate(1);
        Ok(flood)
    }

    fn new(target: SocketAddr, datagrams: Vec<Vec<u8>>, rng: StdRng, needs_fresh_ids: bool) -> Result<Self, BoxError> {
        let sockets = (1..=SOURCE_COUNT).map(|number| {
            let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 9, number), 0))?;
            // Responses are never read: the kernel drops them when the buffer is full.
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

/// Encodes a request with one argument. It carries no deadline, as the requests of Python do not.
///
/// # Errors
///
/// Returns an error if the argument cannot be encoded.
pub(super) fn request(method: &str, argument: &impl serde::Serialize) -> Result<Vec<u8>, BoxError> {
    let mut datagram = Vec::new();
    Request::begin(&mut datagram, Dialect::Rpcudp, method, 1);
    encode(&mut datagram, argument)?;
    Ok(datagram)
}

/// Encodes a request to join the default pool with this key, without a message id.
///
/// # Errors
///
/// Never: the arguments can be encoded.
pub(super) fn join(key: u64) -> Result<Vec<u8>, BoxError> {
    let mut datagram = Vec::new();
    Request::begin(&mut datagram, Dialect::Rpcudp, "rpc.join", 5);
    encode(&mut datagram, &1_u32)?;
    encode(&mut datagram, "")?;
    encode(&mut datagram, &key)?;
    encode(&mut datagram, &[(); 0])?;
    encode(&mut datagram, &None::<u64>)?;
    Ok(datagram)
}

/// Creates a datagram that the endpoint has to drop: noise, or a frame of either dialect with an
/// invalid body. If it is a well-formed response, no call is pending for it.
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
        // Deeply nested arrays.
        2 => datagram.resize(HEADER_LEN + rng.random_range(100..1_200), 0x91),
        // An array that claims four billion elements and has none.
        3 => datagram.extend_from_slice(b"\x92\xa4echo\xdd\xff\xff\xff\xff"),
        // A truncated body.
        4 => datagram.extend_from_slice(b"\x92\xa4ec"),
        // A number, which is not a request.
        _ => datagram.push(7),
    }
    datagram
}

/// Creates a datagram with the bit of links that belongs to no link: a packet of an unknown link, a
/// truncated header, or noise after the header of a handshake or of another version of QUIC.
fn link_garbage(rng: &mut StdRng) -> Vec<u8> {
    /// The length of a datagram that may begin a handshake.
    const FIRST_LEN: usize = 1_200;

    let mut datagram = vec![0; FIRST_LEN];
    rng.fill_bytes(&mut datagram);
    let kind = rng.random_range(0..5);
    match kind {
        // A packet of a link.
        0 | 1 => {
            datagram[0] = 0x40 | datagram[0] & 0x3f;
            datagram.truncate(rng.random_range(1..FIRST_LEN));
        }
        // The first packet of a handshake, a later one, and one of another version.
        _ => {
            datagram[0] = 0xc0 | datagram[0] & 0x0f | if kind == 3 { 0x20 } else { 0 };
            let version: u32 = if kind == 4 { 0x0a0a_0a0a } else { 1 };
            datagram[1..5].copy_from_slice(&version.to_be_bytes());
            // Ids of 20 bytes and of none, no token, and the length of the rest.
            (datagram[5], datagram[26], datagram[27]) = (20, 0, 0);
            let rest = (FIRST_LEN - 30) as u16;
            datagram[28..30].copy_from_slice(&(0x4000 | rest).to_be_bytes());
            if rng.random_ratio(1, 8) {
                datagram.truncate(rng.random_range(1..30));
            }
        }
    }
    datagram
}

#[cfg(test)]
mod tests {
    use rpcudp_core::Frame;

    use super::*;

    #[test]
    fn garbage_is_never_a_request_and_lookups_are() {
        let mut rng = StdRng::seed_from_u64(7);
        for _ in 0..10_000 {
            let datagram = garbage(&mut rng);
            let frame = Frame::decode(&datagram, Dialect::Rpcudp);
            assert!(!matches!(frame, Ok(Frame::Request(_))), "{frame:?}");
        }
        assert!((0..10_000).all(|_| link_garbage(&mut rng)[0] & 0x40 != 0));
        let datagram = request("lookup", &1).unwrap();
        assert!(matches!(Frame::decode(&datagram, Dialect::Rpcudp), Ok(Frame::Request(_))));
    }
}

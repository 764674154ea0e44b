use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etherparse::PacketBuilder;
use tokio::time::Instant;

/// A capture: datagrams with their times. A clone is another handle to the same capture.
#[derive(Clone, Debug)]
pub struct Capture {
    started: Instant,
    packets: Arc<Mutex<Vec<Packet>>>,
    /// The number of bytes that are kept of each packet.
    snap_len: usize,
}

#[derive(Clone, Debug)]
struct Packet {
    at: Duration,
    bytes: Vec<u8>,
}

impl Default for Capture {
    fn default() -> Self {
        Self { started: Instant::now(), packets: Arc::default(), snap_len: usize::MAX }
    }
}

impl Capture {
    /// Creates a capture that begins now. Its clock is that of tokio, which a test may pause.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the same capture with a snapshot length: its file contains at most `snap_len` bytes
    /// of each packet.
    #[must_use]
    pub fn with_snap_len(&self, snap_len: usize) -> Self {
        Self { snap_len, ..self.clone() }
    }

    /// Adds a datagram.
    ///
    /// # Panics
    ///
    /// Panics if one address is IPv4 and the other IPv6, or if the datagram is larger than UDP
    /// allows.
    pub fn add(&self, from: SocketAddr, to: SocketAddr, contents: &[u8]) {
        let mut bytes = Vec::new();
        let ip = match (from, to) {
            (SocketAddr::V4(from), SocketAddr::V4(to)) => PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), 64),
            (SocketAddr::V6(from), SocketAddr::V6(to)) => PacketBuilder::ipv6(from.ip().octets(), to.ip().octets(), 64),
            _ => panic!("{from} and {to} are of different families"),
        };
        ip.udp(from.port(), to.port()).write(&mut bytes, contents).expect("the datagram fits into a packet");
        self.packets().push(Packet { at: self.started.elapsed(), bytes });
    }

    /// Returns the number of datagrams, which is the number of the last frame.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets().len()
    }

    /// Returns whether the capture has no datagrams.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the capture as a pcap file.
    ///
    /// # Panics
    ///
    /// Panics if the capture lasts for more than 136 years.
    #[must_use]
    pub fn to_pcap(&self) -> Vec<u8> {
        // https://ietf-opsawg-wg.github.io/draft-ietf-opsawg-pcap/draft-ietf-opsawg-pcap.html:
        // nanoseconds, version 2.4, packets that begin with their IP header.
        const MAGIC: u32 = 0xa1b2_3c4d;
        const LINKTYPE_RAW: u32 = 101;
        let mut file = Vec::new();
        let number = |file: &mut Vec<u8>, number: u32| file.extend_from_slice(&number.to_be_bytes());
        for field in [MAGIC, 2 << 16 | 4, 0, 0, 1 << 18, LINKTYPE_RAW] {
            number(&mut file, field);
        }
        for Packet { at, bytes } in &*self.packets() {
            let len = u32::try_from(bytes.len()).expect("a packet has at most 65,535 bytes");
            let seconds = u32::try_from(at.as_secs()).expect("a test takes less than 136 years");
            let kept = &bytes[..bytes.len().min(self.snap_len)];
            for field in [seconds, at.subsec_nanos(), kept.len() as u32, len] {
                number(&mut file, field);
            }
            file.extend_from_slice(kept);
        }
        file
    }

    fn packets(&self) -> MutexGuard<'_, Vec<Packet>> {
        self.packets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

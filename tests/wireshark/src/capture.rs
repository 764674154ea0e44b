use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etherparse::PacketBuilder;
use tokio::time::Instant;

/// Datagrams and when they passed. A clone is another handle to the same capture.
#[derive(Clone, Debug)]
pub struct Capture {
    started: Instant,
    packets: Arc<Mutex<Vec<Packet>>>,
    /// How much of each packet is kept.
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
    /// A capture that begins now, by the clock that tokio's tests may stop.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same capture, by whoever keeps so many bytes of each packet.
    #[must_use]
    pub fn snapped(&self, snap_len: usize) -> Self {
        Self { snap_len, ..self.clone() }
    }

    /// Writes a datagram down.
    ///
    /// # Panics
    ///
    /// Where the one address is of IPv4 and the other of IPv6, or the datagram is larger than UDP carries.
    pub fn add(&self, from: SocketAddr, to: SocketAddr, contents: &[u8]) {
        let mut bytes = Vec::new();
        let ip = match (from, to) {
            (SocketAddr::V4(from), SocketAddr::V4(to)) => PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), 64),
            (SocketAddr::V6(from), SocketAddr::V6(to)) => PacketBuilder::ipv6(from.ip().octets(), to.ip().octets(), 64),
            _ => panic!("{from} and {to} are of two families"),
        };
        ip.udp(from.port(), to.port()).write(&mut bytes, contents).expect("it fits into a packet, and memory takes it");
        self.packets().push(Packet { at: self.started.elapsed(), bytes });
    }

    /// How many datagrams there are: the number of the last frame.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file that Wireshark reads.
    ///
    /// # Panics
    ///
    /// Where it would have lasted for more than a century.
    #[must_use]
    pub fn to_pcap(&self) -> Vec<u8> {
        // https://ietf-opsawg-wg.github.io/draft-ietf-opsawg-pcap/draft-ietf-opsawg-pcap.html: with nanoseconds, version 2.4,
        // packets that begin with their IP header.
        const MAGIC: u32 = 0xa1b2_3c4d;
        const LINKTYPE_RAW: u32 = 101;
        let mut file = Vec::new();
        let number = |file: &mut Vec<u8>, number: u32| file.extend_from_slice(&number.to_be_bytes());
        for field in [MAGIC, 2 << 16 | 4, 0, 0, 1 << 18, LINKTYPE_RAW] {
            number(&mut file, field);
        }
        for Packet { at, bytes } in &*self.packets() {
            let len = u32::try_from(bytes.len()).expect("a packet has at most 65,535 bytes");
            let seconds = u32::try_from(at.as_secs()).expect("a test is over within a century");
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

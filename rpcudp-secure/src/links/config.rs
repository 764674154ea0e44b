//! The configuration of QUIC.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use quinn_proto::congestion::CubicConfig;
use quinn_proto::{
    ClientConfig, EndpointConfig, IdleTimeout, NoneTokenStore, ServerConfig, TimeSource, TransportConfig,
    ValidationTokenConfig,
};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac::{HMAC_SHA256, Key};

use crate::connection_ids::{FirstIds, IdOrder, KeyedIds};
use crate::fixed_bit::FixedBit;
use crate::identity::Identity;
use crate::options::LinkOptions;
use crate::peer_id::PeerId;
use crate::secrets::derive;
use crate::tls::{ProvenKey, Tls};

/// The configuration of all connections of a table.
pub(super) struct Config {
    pub(super) options: LinkOptions,
    pub(super) endpoint: Arc<EndpointConfig>,
    servers: PerPath<Arc<ServerConfig>>,
    pub(super) clock: Arc<Clock>,
    /// Tells the connection ids of this endpoint from others.
    pub(super) ids: KeyedIds,
    /// The orders for the ids that quinn-proto asks for.
    pub(super) id_order: Arc<IdOrder>,
    transports: PerPath<Arc<TransportConfig>>,
    tls: Tls,
    first_ids: Arc<FirstIds>,
}

/// A configuration for each kind of path, which have packets of different lengths by default.
struct PerPath<T> {
    network: T,
    loopback: T,
}

impl<T> PerPath<T> {
    /// Returns the configuration for the path to a peer.
    fn to(&self, peer: IpAddr) -> &T {
        match peer.to_canonical() {
            IpAddr::V4(ip) if ip.is_loopback() => &self.loopback,
            // The transport fragments IPv6 on loopback like elsewhere.
            _ => &self.network,
        }
    }

    fn map<U>(&self, mut map: impl FnMut(&T) -> U) -> PerPath<U> {
        PerPath { network: map(&self.network), loopback: map(&self.loopback) }
    }
}

impl Config {
    /// Large frames at once in each direction. quinn-proto allocates memory for all of them.
    pub(super) const MAX_STREAMS: u32 = 16;

    /// Bidirectional streams that a peer may open at once, before it has opened one.
    const IDLE_BIDI_STREAMS: u32 = 8;

    /// Bidirectional streams that a peer may have open at once, after it has opened one.
    pub(super) const MAX_BIDI_STREAMS: u32 = 64;

    /// Streams with requests at once. The others are for responses.
    pub(super) const MAX_REQUEST_STREAMS: usize = 12;

    /// Bytes that a peer may send on streams before they are read.
    pub(super) const RECEIVE_WINDOW: u32 = 1 << 20;

    /// Bytes on streams that may be unacknowledged, however small or large the congestion window
    /// is.
    pub(super) const MIN_SEND_WINDOW: u64 = 64 << 10;
    pub(super) const MAX_SEND_WINDOW: u64 = 2 << 20;

    const DATAGRAM_RECEIVE_LEN: usize = 64 << 10;
    /// Frames in packets that wait until the network takes them, in bytes.
    pub(super) const DATAGRAM_SEND_LEN: usize = 256 << 10;

    /// The initial congestion window of RFC 9002 (7.2), in bytes. With a smaller window than the
    /// MTU, no packet would ever be sent.
    const INITIAL_WINDOW: u64 = 12_000;

    /// The round trip that is assumed before the first is measured: packets of a handshake are sent
    /// again after three of them, then six, and so on. With the 333 ms of RFC 9002 (6.2.2), a
    /// handshake would have three attempts within the time that the called end allows it. A path
    /// with more than 300 ms gets two packets too many.
    const INITIAL_ROUND_TRIP: Duration = Duration::from_millis(100);

    /// The time between two stateless resets. Each is shorter than the packet that it responds to.
    const RESET_INTERVAL: Duration = Duration::from_millis(1);

    pub(super) fn new(identity: &Identity, options: LinkOptions, now: Instant, seed: &[u8; 32]) -> Self {
        let mtus = PerPath { network: LinkOptions::MIN_MTU, loopback: LinkOptions::LOOPBACK_MTU };
        let transports = mtus.map(|mtu| Arc::new(Self::transport(&options, options.mtu.unwrap_or(*mtu))));

        // Derived from the identity and the address, so that a process that has restarted ends the
        // links of its earlier run, and another process with the identity ends none of this one.
        let place = options.local_addr.map_or_else(String::new, |addr| addr.to_string());
        let reset_key = derive(identity.seed(), &format!("rpcudp stateless reset {place}"));
        let reset_key = Key::new(HMAC_SHA256, &reset_key);
        let ids_key = derive(identity.seed(), &format!("rpcudp connection ids {place}"));
        let ids_seed = derive(seed, "connection ids");
        let id_order = Arc::new(IdOrder::default());
        let ids = KeyedIds::new(&ids_key, ids_seed, Arc::clone(&id_order));
        let generator_order = Arc::clone(&id_order);
        let mut endpoint = EndpointConfig::new(Arc::new(reset_key));
        endpoint
            // Without the bit, packets would begin like the frames of the plain wire.
            .grease_quic_bit(false)
            .supported_versions(vec![1])
            .min_reset_interval(Self::RESET_INTERVAL)
            .cid_generator(move || Box::new(KeyedIds::new(&ids_key, ids_seed, Arc::clone(&generator_order))))
            .max_udp_payload_size(LinkOptions::MAX_MTU)
            .expect("the largest size is allowed");

        let tls = Tls::new(identity);
        let token_key = Salt::new(HKDF_SHA256, b"rpcudp retry").extract(&derive(seed, "retry"));
        let clock = Arc::new(Clock::new(now));
        let mut tokens = ValidationTokenConfig::default();
        tokens.sent(0);
        let tls_server = FixedBit::new(tls.server(Arc::clone(&options.allow)));
        let mut server = ServerConfig::new(Arc::new(tls_server), Arc::new(token_key));
        server.validation_token_config(tokens).time_source(Arc::clone(&clock) as _);
        let servers = transports.map(|transport| {
            let mut server = server.clone();
            server.transport_config(Arc::clone(transport));
            Arc::new(server)
        });
        Self {
            options,
            endpoint: Arc::new(endpoint),
            servers,
            clock,
            ids,
            id_order,
            transports,
            tls,
            first_ids: Arc::new(FirstIds::new(derive(seed, "first ids"))),
        }
    }

    fn transport(options: &LinkOptions, mtu: u16) -> TransportConfig {
        let mut congestion = CubicConfig::default();
        congestion.initial_window(Self::INITIAL_WINDOW.max(2 * u64::from(mtu)));
        let mut transport = TransportConfig::default();
        transport
            .max_idle_timeout(Some(IdleTimeout::try_from(options.idle_timeout).expect("at most a day")))
            .max_concurrent_bidi_streams(Self::IDLE_BIDI_STREAMS.into())
            .max_concurrent_uni_streams(Self::MAX_STREAMS.into())
            .stream_receive_window(Self::RECEIVE_WINDOW.into())
            .receive_window(Self::RECEIVE_WINDOW.into())
            .send_window(Self::MIN_SEND_WINDOW)
            .initial_rtt(Self::INITIAL_ROUND_TRIP)
            .initial_mtu(mtu)
            // The socket lets datagrams be fragmented, so that all sizes arrive, and no probe would
            // find the limit of the path.
            .mtu_discovery_config(None)
            .datagram_receive_buffer_size(Some(Self::DATAGRAM_RECEIVE_LEN))
            .datagram_send_buffer_size(Self::DATAGRAM_SEND_LEN)
            .congestion_controller_factory(Arc::new(congestion));
        transport
    }

    /// Returns the configuration of the connections that a peer opens.
    pub(super) fn server(&self, peer: IpAddr) -> Arc<ServerConfig> {
        Arc::clone(self.servers.to(peer))
    }

    /// Returns the bytes of frames that do not fit into a packet and may be unsent on a link.
    pub(super) fn max_unsent_len(&self) -> usize {
        self.options.message_memory_len.max(self.options.max_message_len)
    }

    /// Returns the configuration of a connection to a peer, and the place of the key that it will
    /// have proven.
    pub(super) fn client(&self, peer: IpAddr, expected: Option<PeerId>) -> (ClientConfig, ProvenKey) {
        let (tls, proven) = self.tls.client(expected);
        let mut client = ClientConfig::new(Arc::new(FixedBit::new(tls)));
        let first_ids = Arc::clone(&self.first_ids);
        client
            .transport_config(Arc::clone(self.transports.to(peer)))
            .token_store(Arc::new(NoneTokenStore))
            .initial_dst_cid_provider(Arc::new(move || first_ids.generate()));
        (client, proven)
    }
}

/// A clock for the tokens of Retry packets, which its owner sets.
pub(super) struct Clock {
    origin: Instant,
    millis: AtomicU64,
}

impl Clock {
    fn new(origin: Instant) -> Self {
        Self { origin, millis: AtomicU64::new(0) }
    }

    pub(super) fn set(&self, now: Instant) {
        let millis = now.saturating_duration_since(self.origin).as_millis();
        self.millis.store(millis as u64, Ordering::Relaxed);
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }
}

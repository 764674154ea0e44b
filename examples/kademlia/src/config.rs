use std::time::Duration;

/// The configuration of a node. The defaults suit the open internet and networks of Python nodes.
///
/// ```
/// use rpcudp_kademlia::Config;
/// use std::time::Duration;
///
/// let config = Config { expire_after: Duration::from_secs(3_600), ..Config::default() };
/// assert_eq!((config.k, config.alpha), (20, 3));
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The number of nodes that store each value, of contacts in a k-bucket, and of contacts in a
    /// response. Default: 20, as in Python. Clamped to 1 to 100, the limit of a response.
    pub k: usize,
    /// The number of queries that a lookup keeps in flight. Default: 3, as in Python.
    pub alpha: usize,
    /// The time after which a lookup goes on without waiting for a queried node. A later response
    /// still counts. Default: 500 ms, which is two round trips around the world and time for a
    /// retransmission.
    pub unresponsive_after: Duration,
    /// The timeout of a request. A node that does not respond in time has failed the request.
    /// Default: 2 s, in which the request is sent four times.
    pub timeout: Duration,
    /// The number of nodes that a lookup queries at most, which bounds a lookup among hostile
    /// nodes. Default: 200.
    pub max_queries: usize,
    /// The number of contacts of one [subnet](crate::Subnet) in a k-bucket, and of nodes of one
    /// subnet that a lookup queries, so that one subnet cannot surround a key. Default: 2.
    pub max_per_subnet: usize,
    /// The time without a lookup after which a k-bucket is refreshed. Default: 1 h, as in Python.
    pub refresh_after: Duration,
    /// The time without a `store` after which this node republishes a value to the k closest nodes.
    /// Default: 1 h, as in Python.
    pub republish_after: Duration,
    /// The time without a `store` after which a value expires. Default: 24 h. A node that is not
    /// among the k closest to the key halves the time for each rank below the k-th.
    pub expire_after: Duration,
    /// The number of bytes that values stored by other nodes may take, with 200 bytes of overhead
    /// for each value. Default: 64 MiB.
    pub max_stored_len: usize,
    /// The part of `max_stored_len` that one [subnet](crate::Subnet) may take. Default: 8 MiB. All
    /// subnets of one IPv6 /56 together may take twice as much, and those of one /48 four times.
    pub max_stored_len_per_subnet: usize,
    /// Whether the contacts, the queries and the values of one [subnet](crate::Subnet) are limited.
    /// Default: `true`. Set it to `false` if all nodes are yours, as in a private deployment with
    /// many nodes in one /24: `max_per_subnet` and `max_stored_len_per_subnet` then have no effect.
    pub limits_subnets: bool,
    /// Whether the node resolves host names in the contacts that peers return, which Python nodes
    /// do if their user gave them a name. Default: `true`. At most eight names of one response are
    /// resolved, four at a time, and each for at most a second.
    pub resolves_host_names: bool,
    /// The seed of the node's random choices, for tests. Default: `None`, the operating system's
    /// randomness.
    pub seed: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            k: 20,
            alpha: 3,
            unresponsive_after: Duration::from_millis(500),
            timeout: Duration::from_secs(2),
            max_queries: 200,
            max_per_subnet: 2,
            refresh_after: Duration::from_secs(3_600),
            republish_after: Duration::from_secs(3_600),
            expire_after: Duration::from_secs(24 * 3_600),
            max_stored_len: 64 << 20,
            max_stored_len_per_subnet: 8 << 20,
            limits_subnets: true,
            resolves_host_names: true,
            seed: None,
        }
    }
}

impl Config {
    /// Clamps the counts to legal values: a zero would stop all lookups, and peers would refuse
    /// responses with more than `Contacts::MAX_COUNT` contacts.
    pub(crate) fn clamped(mut self) -> Self {
        self.k = self.k.clamp(1, crate::Contacts::MAX_COUNT);
        self.alpha = self.alpha.max(1);
        self.max_queries = self.max_queries.max(1);
        self.max_per_subnet = if self.limits_subnets { self.max_per_subnet.max(1) } else { usize::MAX };
        if !self.limits_subnets {
            self.max_stored_len_per_subnet = self.max_stored_len;
        }
        self
    }
}

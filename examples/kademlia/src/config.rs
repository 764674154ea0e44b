use std::time::Duration;

/// How a node behaves. The defaults are for the open internet and for Python peers at once.
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
    /// How many nodes keep each value, how many contacts a bucket holds and an answer tells. Default: 20, as in Python.
    /// From 1 to 100, which is what an answer may hold.
    pub k: usize,
    /// How many requests of a lookup are under way at once. Default: 3, as in Python.
    pub alpha: usize,
    /// How long a lookup waits for a node before it goes on without it; an answer that comes later still counts.
    /// Default: 500 ms, two round trips around the world and time for a resend.
    pub unresponsive_after: Duration,
    /// How long a request may take in all. A node that does not answer within this is taken for dead. Default: 2 s, in
    /// which it is sent four times.
    pub timeout: Duration,
    /// How many nodes a lookup asks at the most, so that nobody can keep it going for ever. Default: 200.
    pub max_queries: usize,
    /// How many contacts of one [neighbourhood](crate::Subnet) a bucket holds, and a lookup follows: whoever
    /// commands one network cannot surround a key. Default: 2.
    pub max_per_subnet: usize,
    /// How long a bucket may go without a lookup before one is made to refresh it. Default: an hour, as in Python.
    pub refresh_after: Duration,
    /// How long a value may go without being stored again before this node stores it at the k nearest again. Default: an
    /// hour, as in Python.
    pub republish_after: Duration,
    /// How long a value is kept that nobody stores again. Default: a day. What lies far from its key is kept for less:
    /// half as long for each node by which this one is not among the k nearest.
    pub expire_after: Duration,
    /// How many bytes all values may take that others store here, with 200 for each beside its own. Default: 64 MiB.
    pub max_stored_len: usize,
    /// How many of these bytes one [neighbourhood](crate::Subnet) may take. Default: 8 MiB.
    pub max_stored_len_per_subnet: usize,
    /// The seed of the node's random choices, for tests. Default: the operating system's randomness.
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
            seed: None,
        }
    }
}

impl Config {
    /// The nearest legal values: a zero would stop everything, and a `k` above what an answer may hold would have our
    /// own answers refused.
    pub(crate) fn clamped(mut self) -> Self {
        self.k = self.k.clamp(1, crate::Contacts::MAX_COUNT);
        self.alpha = self.alpha.max(1);
        self.max_queries = self.max_queries.max(1);
        self.max_per_subnet = self.max_per_subnet.max(1);
        self
    }
}

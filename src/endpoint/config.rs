use std::time::Duration;

use rpcudp_core::limits::{DEFAULT_TIMEOUT, MAX_REQUEST_BODY_LEN, MAX_RESPONSE_BODY_LEN};
use rpcudp_core::{Dialect, Limits};

/// What a [`Builder`](crate::Builder) was told.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) dialect: Dialect,
    pub(crate) timeout: Duration,
    pub(crate) max_request_len: usize,
    pub(crate) max_response_len: usize,
    pub(crate) max_handlers: usize,
    pub(crate) max_calls: usize,
    pub(crate) any_source: bool,
    pub(crate) response_memory_len: usize,
    pub(crate) response_retention: Duration,
    pub(crate) first_interval: Duration,
    pub(crate) limits: Limits,
}

impl Config {
    /// Handlers hold a datagram of up to 64 KiB each: 1,024 of them keep strangers from taking more than 64 MiB.
    pub(crate) const DEFAULT_MAX_HANDLERS: usize = 1_024;

    /// What core starts with too.
    pub(crate) const DEFAULT_FIRST_INTERVAL: Duration = Duration::from_millis(250);

    /// What an endpoint remembers that answers a thousand at-most-once calls a second, with 1 KiB each, for a minute.
    pub(crate) const DEFAULT_REPLY_MEMORY_LEN: usize = 64 << 20;

    /// Longer than any caller waits who does not say so: twelve default timeouts.
    pub(crate) const DEFAULT_REPLY_RETENTION: Duration = Duration::from_secs(60);
}

impl Default for Config {
    fn default() -> Self {
        Self {
            dialect: Dialect::default(),
            timeout: DEFAULT_TIMEOUT,
            max_request_len: MAX_REQUEST_BODY_LEN,
            max_response_len: MAX_RESPONSE_BODY_LEN,
            max_handlers: Self::DEFAULT_MAX_HANDLERS,
            max_calls: rpcudp_core::Calls::<()>::DEFAULT_LIMIT,
            any_source: false,
            response_memory_len: Self::DEFAULT_REPLY_MEMORY_LEN,
            response_retention: Self::DEFAULT_REPLY_RETENTION,
            first_interval: Self::DEFAULT_FIRST_INTERVAL,
            limits: Limits::default(),
        }
    }
}

use std::time::Duration;

use rpcudp_core::limits::{DEFAULT_TIMEOUT, MAX_REQUEST_BODY_LEN, MAX_RESPONSE_BODY_LEN};
use rpcudp_core::{Dialect, Limits};

use crate::calls::in_flight::CallSettings;
use crate::links::link_config::LinkConfig;

/// The settings of an endpoint, from its [`Builder`](crate::Builder).
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) dialect: Dialect,
    pub(crate) timeout: Duration,
    pub(crate) wait_for_ready: bool,
    pub(crate) max_request_len: usize,
    pub(crate) max_response_len: usize,
    pub(crate) max_handlers: usize,
    pub(crate) max_blocking_handlers: usize,
    pub(crate) handler_timeout: Duration,
    pub(crate) calls: CallSettings,
    pub(crate) response_memory_len: usize,
    pub(crate) response_retention: Duration,
    pub(crate) limits: Limits,
    pub(crate) links: LinkConfig,
    /// Whether threads of the program may run the driver.
    pub(crate) busy_poll: bool,
}

impl Config {
    /// Async handlers at once. Each holds a datagram of up to 64 KiB, so 1,024 of them bound the
    /// memory that unvalidated sources can take to 64 MiB.
    pub(crate) const DEFAULT_MAX_HANDLERS: usize = 1_024;

    /// Blocking handlers at once. Half of the 512 threads that tokio's blocking pool has by
    /// default, so that files and name lookups of the program find threads too.
    pub(crate) const DEFAULT_MAX_BLOCKING_HANDLERS: usize = 256;

    /// The time that an async handler may run if its caller has no later deadline: twelve default
    /// timeouts, longer than any caller with the default timeout waits.
    pub(crate) const DEFAULT_HANDLER_TIMEOUT: Duration = Duration::from_secs(60);

    /// The longest time that an async handler may run because its caller has a later deadline, as a
    /// multiple of `handler_timeout`.
    pub(crate) const MAX_HANDLER_TIMEOUTS: u32 = 10;

    /// The first retransmission interval to a peer without a measured round trip. The same as
    /// core's.
    pub(crate) const DEFAULT_FIRST_INTERVAL: Duration = Duration::from_millis(500);

    /// Memory for stored responses: enough for 750 at-most-once calls a second, with 1 KiB each,
    /// for a minute.
    pub(crate) const DEFAULT_RESPONSE_MEMORY_LEN: usize = 64 << 20;

    /// Retention of stored responses: twelve default timeouts, longer than any caller with the
    /// default timeout waits.
    pub(crate) const DEFAULT_RESPONSE_RETENTION: Duration = Duration::from_secs(60);
}

impl Default for Config {
    fn default() -> Self {
        Self {
            dialect: Dialect::default(),
            timeout: DEFAULT_TIMEOUT,
            wait_for_ready: false,
            max_request_len: MAX_REQUEST_BODY_LEN,
            max_response_len: MAX_RESPONSE_BODY_LEN,
            max_handlers: Self::DEFAULT_MAX_HANDLERS,
            max_blocking_handlers: Self::DEFAULT_MAX_BLOCKING_HANDLERS,
            handler_timeout: Self::DEFAULT_HANDLER_TIMEOUT,
            calls: CallSettings {
                max_calls: rpcudp_core::Calls::<()>::DEFAULT_LIMIT,
                any_source: false,
                first_interval: Self::DEFAULT_FIRST_INTERVAL,
                sends_cancels: true,
            },
            response_memory_len: Self::DEFAULT_RESPONSE_MEMORY_LEN,
            response_retention: Self::DEFAULT_RESPONSE_RETENTION,
            limits: Limits::default(),
            links: LinkConfig::default(),
            busy_poll: false,
        }
    }
}

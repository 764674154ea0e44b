use std::time::Duration;

use crate::Config;

/// The options of a [`Lookup`](crate::Lookup). Each is documented on the field of [`Config`] of the
/// same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is documented on the field of `Config` of the same name")]
pub struct LookupOptions {
    pub k: usize,
    pub alpha: usize,
    pub unresponsive_after: Duration,
    pub max_queries: usize,
    pub max_per_subnet: usize,
}

impl Default for LookupOptions {
    fn default() -> Self {
        (&Config::default()).into()
    }
}

impl From<&Config> for LookupOptions {
    fn from(config: &Config) -> Self {
        let Config { k, alpha, unresponsive_after, max_queries, max_per_subnet, .. } = *config;
        Self { k, alpha, unresponsive_after, max_queries, max_per_subnet }
    }
}

use std::time::Duration;

/// How a [`Lookup`] goes about it; [`Config`](crate::Config) says what each is for.
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
        (&crate::Config::default()).into()
    }
}

impl From<&crate::Config> for LookupOptions {
    fn from(config: &crate::Config) -> Self {
        let crate::Config { k, alpha, unresponsive_after, max_queries, max_per_subnet, .. } = *config;
        Self { k, alpha, unresponsive_after, max_queries, max_per_subnet }
    }
}

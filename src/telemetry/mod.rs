pub(crate) mod log_limit;
#[cfg(feature = "metrics")]
pub mod metric_names;
#[cfg(feature = "metrics")]
pub(crate) mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "no_metrics.rs"]
pub(crate) mod metrics;
pub(crate) mod outcome;
pub(crate) mod progress;
pub(crate) mod trace;
#[cfg(feature = "opentelemetry")]
mod trace_context;

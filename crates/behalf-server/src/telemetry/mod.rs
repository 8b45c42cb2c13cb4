//! What operators see: metrics and log lines. Requests themselves are in the sign-in log.

mod histogram;
mod logging;
mod metrics;
mod output;

pub use logging::{Format, Level, Logging, UnknownFormat, UnknownLevel};
pub use metrics::{CacheName, Metrics, Sample, SampleKind};

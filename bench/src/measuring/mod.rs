//! The measuring tools that the subcommands share.

mod caller;
mod cell;
mod machine;
mod memory;
mod numbers;
mod pace;
mod probe;
mod processor_time;
mod progress;
mod ratio_table;
mod report;
mod rounds;
mod sample;
mod socket;
mod statistics;
mod timing;

pub(crate) use caller::{BoxError, Caller, Clock, Failures, Phase};
pub(crate) use cell::{Cell, Measured, Window};
pub(crate) use machine::{Machine, target_directory};
pub(crate) use memory::resident_len;
pub(crate) use numbers::{grouped, micros, spread};
pub(crate) use probe::Probe;
pub(crate) use processor_time::ProcessorTime;
pub(crate) use progress::Progress;
pub(crate) use ratio_table::{RatioTable, ratios_within_rounds};
pub(crate) use report::{conclude, publish};
pub(crate) use rounds::measure_in_rounds;
pub(crate) use sample::{Placement, Sample};
pub(crate) use socket::{BUFFER_LEN, loopback_socket, loopback_socket_at};
pub(crate) use statistics::{Latencies, Spread};
pub(crate) use timing::{Timing, seconds};

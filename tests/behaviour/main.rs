//! The behaviour of endpoints, clients and servers, by subject: `tests/README.md` has the list.

#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod blocking;
mod budgets;
mod busy_poll;
mod call_errors;
mod cancellation;
mod client;
mod closing;
mod compatibility;
mod concurrent_callers;
mod contract;
mod contract_text;
mod cookbook;
mod deadlines;
mod delivery;
mod documents;
mod duplicates;
mod dynamic_methods;
mod dynamic_services;
mod generics;
mod groups;
mod handler_shares;
mod hostile_input;
mod hostile_responses;
mod hygiene;
mod introspection;
mod limits;
mod metadata;
mod model;
mod multicast;
mod outages;
mod own_services;
#[cfg(unix)]
mod pauses;
mod readme;
mod readme_contract;
mod readme_unit_tests;
mod results;
mod retransmission;
mod scale;
mod schema;
mod sessions;
#[cfg(unix)]
mod sockets;
mod trailers;
mod unit_tests;
mod unstored_responses;
#[cfg(target_os = "linux")]
mod watchdog;

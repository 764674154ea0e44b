mod builder;
mod handle;
mod host_names;
mod lookup;
mod maintenance;
mod nearest;
mod rpc_client;
mod service;
mod shared;
mod state;
mod strangers;

pub use builder::Builder;
pub use handle::Node;
pub use state::State;

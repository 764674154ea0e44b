mod builder;
mod handle;
mod lookup;
mod maintenance;
mod rpc_client;
mod service;
mod shared;
mod state;
mod validations;

pub use builder::Builder;
pub use handle::Node;
pub use state::State;

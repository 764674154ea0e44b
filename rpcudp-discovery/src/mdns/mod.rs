pub(crate) mod announcement;
pub(crate) mod browser;
mod daemon;
pub(crate) mod error;
pub(crate) mod instance;
pub(crate) mod service;

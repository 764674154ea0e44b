//! An incoming request, from the router to the response.

pub(crate) mod admitted_request;
pub(crate) mod argument;
pub(crate) mod blocking_pool;
pub(crate) mod context;
pub(crate) mod handler_time;
pub(crate) mod incoming_request;
pub(crate) mod inline_request;
#[cfg(feature = "tower")]
pub(crate) mod layered_request;
pub(crate) mod own_service;
pub(crate) mod owned_request;
pub(crate) mod rejection;
pub(crate) mod request_head;
pub(crate) mod response;
pub(crate) mod router;
pub(crate) mod service;
pub(crate) mod spawned_request;
pub(crate) mod tracked_request;

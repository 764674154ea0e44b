//! An incoming request, from the router to the response.

pub(crate) mod admitted_request;
pub(crate) mod argument;
pub(crate) mod blocking_pool;
pub(crate) mod collision;
pub(crate) mod context;
pub(crate) mod delayed_response;
pub(crate) mod dynamic;
pub(crate) mod handler_time;
pub(crate) mod incoming_request;
pub(crate) mod inline_request;
pub(crate) mod interned;
#[cfg(feature = "tower")]
pub(crate) mod layered_request;
pub(crate) mod method_name;
pub(crate) mod own_service;
pub(crate) mod owned_request;
pub(crate) mod rejection;
pub(crate) mod request_head;
pub(crate) mod response;
pub(crate) mod router;
#[cfg(feature = "secure")]
pub(crate) mod secure_context;
pub(crate) mod service;
pub(crate) mod services;
pub(crate) mod spawned_request;
pub(crate) mod tracked_request;

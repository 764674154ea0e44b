pub(crate) mod context;
pub(crate) mod incoming_request;
pub(crate) mod inline_request;
pub(crate) mod owned_request;
pub(crate) mod rejection;
pub(crate) mod response;
pub(crate) mod router;
pub(crate) mod service;

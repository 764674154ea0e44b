pub(crate) mod response_body;
pub(crate) mod table;
pub(crate) mod wake_queue;

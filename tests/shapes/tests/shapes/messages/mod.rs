//! Shapes after the manner of irpc: messages, borrowed and owned, and the delivery of each.

mod alias_of_an_unsized_type;
mod argument_named_context;
mod at_least_once;
mod at_most_once;
mod borrowed_bytes;
mod call_back;
mod context_by_another_name;
mod context_of_another_crate;
mod cows;
mod hashes;
mod large_response;
mod nested_borrows;
mod newtype_ids;
mod one_method_for_all_requests;
mod oneway_with_context;
mod owned_bytes;
mod paths;
mod references_of_owned_types;
mod request_and_response_structs;
mod structs_that_borrow;

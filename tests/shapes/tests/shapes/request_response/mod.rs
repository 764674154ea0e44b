//! Shapes after the manner of tarpc: requests with owned arguments, and a context.

mod arithmetic;
mod arrays;
mod collections;
mod context_between;
mod context_last;
mod division;
mod doc_comments;
mod durations_and_addresses;
mod enum_argument;
mod error_enum;
mod explicit_unit;
mod greeting;
mod greeting_with_context;
mod many_arguments;
mod optional_argument;
mod state_in_a_lock;
mod struct_in_and_out;
mod supertraits;
mod tuples;
mod unit_call;
mod where_self;
mod wide_numbers;

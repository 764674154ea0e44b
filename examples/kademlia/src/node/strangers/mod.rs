//! Callers that this node does not know yet, whose source address and id may be forged.
//!
//! None of these tables does I/O, and time is an argument.

mod credits;
mod introductions;
mod places;
mod validations;

pub(crate) use credits::Credits;
pub(crate) use introductions::Introductions;
pub(crate) use places::{Place, Places};
pub(crate) use validations::Validations;

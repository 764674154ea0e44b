//! Hygiene of generated code: names, attributes and places that users choose do not conflict with
//! it.

mod attributes;
mod names;
mod places;

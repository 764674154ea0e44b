//! Whatever a user calls things, what is generated does not get in the way.

mod attributes;
mod names;
mod places;

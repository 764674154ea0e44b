//! Strangers who lie, flood and forge: what they say is refused and counted, and the others go on.

mod contacts;
mod flood;
mod forgery;
mod identity;
mod liar;
mod values;

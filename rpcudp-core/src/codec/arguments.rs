use std::fmt;

use serde::Deserialize;

use super::decoder::Decoder;
use super::missing_argument::Missing;
use super::value_error::Fault;
use crate::RawArguments;

/// Decodes the arguments of a request, one after the other.
///
/// Contracts may grow: a caller that sends more arguments than the method has is served, and one that sends fewer is
/// served where the missing ones are an `Option`.
///
/// ```
/// use rpcudp_core::codec::Arguments;
/// use rpcudp_core::{Dialect, Frame};
///
/// let datagram = b"\x00twenty bytes of id..\x92\xa3add\x92\x28\x02";
/// let Ok(Frame::Request(request)) = Frame::decode(datagram, Dialect::Rpcudp) else { panic!("no request") };
/// let mut arguments = Arguments::new(request.arguments);
/// assert_eq!(arguments.take::<u64>("a")? + arguments.take::<u64>("b")?, 42);
/// assert_eq!(arguments.take::<Option<u64>>("c")?, None);
/// assert!(arguments.take::<u64>("d").is_err());
/// # Ok::<(), rpcudp_core::codec::ArgumentError>(())
/// ```
pub struct Arguments<'de> {
    decoder: Decoder<'de>,
    count: u32,
    taken: u32,
}

impl<'de> Arguments<'de> {
    /// Starts at the first argument.
    #[must_use]
    pub fn new(raw: RawArguments<'de>) -> Self {
        Self { decoder: Decoder::new(raw.bytes()), count: raw.count(), taken: 0 }
    }

    /// Decodes the next argument; `name` is what an error calls it.
    ///
    /// # Errors
    ///
    /// Where there is no next argument and `T` is no `Option`, or where it is not a `T`. Arguments after one that did
    /// not decode are not to be trusted.
    pub fn take<T: Deserialize<'de>>(&mut self, name: &'static str) -> Result<T, ArgumentError> {
        self.taken += 1;
        let taken = if self.taken <= self.count {
            T::deserialize(&mut self.decoder).map_err(Problem::Undecodable)
        } else {
            T::deserialize(Missing).map_err(|_| Problem::Missing { count: self.count })
        };
        taken.map_err(|problem| ArgumentError { position: self.taken, name, problem })
    }
}

impl fmt::Debug for Arguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arguments").field("count", &self.count).field("taken", &self.taken).finish()
    }
}

/// Which argument of a request is at fault, and how.
///
/// Prints what matters most first, for there may be little room: "`key` is missing (argument 2; 1 came)".
#[derive(Clone, Debug)]
pub struct ArgumentError {
    position: u32,
    name: &'static str,
    problem: Problem,
}

#[derive(Clone, Debug)]
enum Problem {
    Missing { count: u32 },
    Undecodable(Fault),
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, name, problem } = self;
        match problem {
            Problem::Missing { count } => write!(f, "`{name}` is missing (argument {position}; {count} came)"),
            Problem::Undecodable(fault) => write!(f, "`{name}`: {fault} (argument {position})"),
        }
    }
}

impl std::error::Error for ArgumentError {}

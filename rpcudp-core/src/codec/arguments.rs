use std::fmt;

use serde::Deserialize;

use super::attempts;
use super::decoder::Decoder;
use super::missing_argument::MissingArgument;
use super::value_error::ValueError;
use crate::RawArguments;

/// Decodes the arguments of a request one by one.
///
/// A contract may gain arguments: surplus arguments of a caller are ignored, and missing ones are
/// `None` if their type is an `Option`.
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
    /// The length of all arguments in bytes.
    len: usize,
    count: u32,
    taken: u32,
}

impl<'de> Arguments<'de> {
    /// Creates a decoder at the first argument.
    #[must_use]
    pub fn new(raw: RawArguments<'de>) -> Self {
        Self { decoder: Decoder::new(raw.bytes()), len: raw.bytes().len(), count: raw.count(), taken: 0 }
    }

    /// Decodes the next argument. Errors contain its `name`.
    ///
    /// # Errors
    ///
    /// Fails if the argument is missing and `T` is not an `Option`, or if it does not decode as
    /// `T`. Do not use the arguments after one that failed to decode.
    pub fn take<T: Deserialize<'de>>(&mut self, name: &'static str) -> Result<T, ArgumentError> {
        self.taken += 1;
        let taken = if self.taken <= self.count {
            let decode = || self.decoder.value();
            attempts::bounded(self.len, ValueError::TooManyAttempts, decode).map_err(Problem::Undecodable)
        } else {
            T::deserialize(MissingArgument).map_err(|_| Problem::Missing { count: self.count })
        };
        taken.map_err(|problem| ArgumentError { position: self.taken, name, problem })
    }
}

impl fmt::Debug for Arguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arguments").field("count", &self.count).field("taken", &self.taken).finish()
    }
}

/// The error of a malformed or missing argument.
///
/// Prints the important part first, because there may be little room: "`key` is missing (argument
/// 2; 1 sent)".
#[derive(Clone, Debug)]
pub struct ArgumentError {
    position: u32,
    name: &'static str,
    problem: Problem,
}

#[derive(Clone, Debug)]
enum Problem {
    Missing { count: u32 },
    Undecodable(ValueError),
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, name, problem } = self;
        match problem {
            Problem::Missing { count } => write!(f, "`{name}` is missing (argument {position}; {count} sent)"),
            Problem::Undecodable(error) => write!(f, "`{name}`: {error} (argument {position})"),
        }
    }
}

impl std::error::Error for ArgumentError {}

use std::collections::HashMap;

use rpcudp_core::codec::encode;
use rpcudp_core::limits::MAX_DATAGRAM_LEN;
use rpcudp_core::{Dialect, Request, Response};

use crate::exit::Failure;
use crate::value::{Value, argument};

/// The responses that `--answer` defines, by method.
#[derive(Debug)]
pub(crate) struct CannedResponses {
    by_method: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    encoded: Vec<u8>,
}

/// An encoded response to one request.
pub(crate) struct CannedResponse<'a> {
    pub(crate) value: &'a Value,
    pub(crate) datagram: Vec<u8>,
}

impl CannedResponses {
    /// Parses the values of `--answer`: `METHOD=JSON`.
    pub(crate) fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut by_method = HashMap::new();
        for word in words {
            let Some((method, value)) = word.split_once('=').filter(|(method, _)| !method.is_empty()) else {
                return Err(Failure::usage(format!("--answer `{}` is not METHOD=JSON", word.escape_debug())));
            };
            let failed = |why: String| Failure::usage(format!("the response for `{}` {why}", method.escape_debug()));
            let value = argument::parse(value).map_err(|error| failed(error.to_string()))?;
            let mut encoded = Vec::new();
            encode(&mut encoded, &value).map_err(|error| failed(format!("cannot be encoded: {error}")))?;
            let (len, limit) = (encoded.len(), rpcudp_core::limits::MAX_RESPONSE_BODY_LEN);
            if len > limit {
                return Err(failed(format!("has {len} bytes, and {limit} are allowed")));
            }
            if by_method.insert(method.to_owned(), Entry { value, encoded }).is_some() {
                return Err(failed("is given twice".into()));
            }
        }
        Ok(Self { by_method })
    }

    /// Returns the response to a request, if its method has one.
    pub(crate) fn response_to(&self, request: &Request<'_>, dialect: Dialect) -> Option<CannedResponse<'_>> {
        let Entry { value, encoded } = self.by_method.get(request.method)?;
        let mut datagram = Vec::with_capacity(MAX_DATAGRAM_LEN.min(32 + encoded.len()));
        Response::begin(&mut datagram, dialect, request.id);
        datagram.extend_from_slice(encoded);
        Some(CannedResponse { value, datagram })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_error(words: &[&str]) -> String {
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        format!("{:?}", CannedResponses::parse(&words).unwrap_err())
    }

    #[test]
    fn invalid_responses_are_refused_with_the_reason() {
        assert!(parse_error(&["sayhi"]).contains("--answer `sayhi` is not METHOD=JSON"));
        assert!(parse_error(&["=1"]).contains("--answer `=1` is not METHOD=JSON"));
        assert!(parse_error(&["sayhi=hello"]).contains("the response for `sayhi` is not JSON"));
        assert!(parse_error(&["a=1", "a=2"]).contains("the response for `a` is given twice"));
        assert!(
            parse_error(&[&format!("a=\"{}\"", "x".repeat(65_484))]).contains("has 65487 bytes, and 65486 are allowed")
        );
        assert!(
            parse_error(&[&format!("a={}{}", "[".repeat(40), "]".repeat(40))]).contains("nests deeper than 30 levels")
        );
    }
}

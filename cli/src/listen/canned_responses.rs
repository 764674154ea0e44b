use std::collections::HashMap;

use rpcudp::contract::{Delivery, Method};
use rpcudp::dynamic::RawArguments;
use rpcudp::value::Encoded;
use rpcudp::{Context, DynamicResponse, DynamicService};
use rpcudp_core::limits::MAX_DATAGRAM_LEN;

use crate::exit::Failure;
use crate::value::{Value, argument};

/// The responses that `--answer` defines, by method.
#[derive(Debug)]
pub(crate) struct CannedResponses {
    by_method: HashMap<String, CannedResponse>,
}

/// A value, as it is printed and as it is sent.
#[derive(Debug)]
struct CannedResponse {
    value: Value,
    encoded: Encoded,
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
            let value = argument::parse(value, MAX_DATAGRAM_LEN).map_err(|error| failed(error.to_string()))?;
            let encoded = Encoded::of(&value).map_err(|error| failed(format!("cannot be encoded: {error}")))?;
            let (len, limit) = (encoded.bytes().len(), rpcudp_core::limits::MAX_RESPONSE_BODY_LEN);
            if len > limit {
                return Err(failed(format!("has {len} bytes, and {limit} are allowed")));
            }
            if by_method.insert(method.to_owned(), CannedResponse { value, encoded }).is_some() {
                return Err(failed("is given twice".into()));
            }
        }
        Ok(Self { by_method })
    }

    /// Returns the value for a method, if it has one.
    pub(crate) fn value(&self, method: &str) -> Option<&Value> {
        self.by_method.get(method).map(|response| &response.value)
    }
}

impl DynamicService for CannedResponses {
    fn name(&self) -> &str {
        "CannedResponses"
    }

    fn methods(&self) -> Vec<Method> {
        self.by_method.keys().cloned().map(Method::named).collect()
    }

    /// Other methods get no response, as from a Python peer.
    fn other_methods(&self) -> Option<Delivery> {
        Some(Delivery::Maybe)
    }

    async fn call(&self, _: &Context, method: &str, _: RawArguments<'_>) -> DynamicResponse {
        match self.by_method.get(method) {
            Some(response) => DynamicResponse::encoded(response.encoded.clone()),
            None => DynamicResponse::none(),
        }
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

use std::time::Duration;

use rpcudp::Dialect;

use super::probe::Probe;
use crate::exit::Failure;
use crate::value::Value;

/// What the peer is asked, where it answers.
pub(super) struct ProbeOptions<'a> {
    pub(super) dialect: Dialect,
    pub(super) method: Option<&'a str>,
    pub(super) arguments: &'a [Value],
    pub(super) timeout: Duration,
}

impl ProbeOptions<'_> {
    /// The requests one of which the peer should answer.
    pub(super) fn candidates(&self, dialect: Dialect) -> Result<Vec<Probe>, Failure> {
        if let Some(method) = self.method {
            return Ok(vec![Probe::new(dialect, method, self.arguments)?]);
        }
        // Of Kademlia, of anybody's, of this crate's, and of the Python package's own example.
        let name = [Value::Text("rpcudp doctor".into())];
        let known: [(&str, &[Value]); 4] = [("stun", &[]), ("ping", &[]), ("rpc.describe", &[]), ("sayhi", &name)];
        known.iter().map(|(method, arguments)| Probe::new(dialect, method, arguments)).collect()
    }
}

use std::time::Duration;

use rpcudp::Dialect;

use super::probe::Probe;
use crate::exit::Failure;
use crate::value::Value;

/// The method, arguments, dialect and timeout that the command line sets for probes.
pub(super) struct ProbeOptions<'a> {
    pub(super) dialect: Dialect,
    pub(super) method: Option<&'a str>,
    pub(super) arguments: &'a [Value],
    pub(super) timeout: Duration,
}

impl ProbeOptions<'_> {
    /// Returns the probes to try in a dialect: that of the given method, or those of well-known
    /// methods.
    pub(super) fn candidates(&self, dialect: Dialect) -> Result<Vec<Probe>, Failure> {
        if let Some(method) = self.method {
            return Ok(vec![Probe::new(dialect, method, self.arguments)?]);
        }
        // The methods of Kademlia nodes, of many services, of this crate's introspection, and of
        // the Python package's example.
        let name = [Value::Text("rpcudp doctor".into())];
        let known: [(&str, &[Value]); 4] = [("stun", &[]), ("ping", &[]), ("rpc.describe", &[]), ("sayhi", &name)];
        known.iter().map(|(method, arguments)| Probe::new(dialect, method, arguments)).collect()
    }
}

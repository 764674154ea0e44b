mod python;
mod python_names;
mod python_types;

use rpcudp::contract::{Contract, Definition, Method};
use rpcudp::{CallError, Refusal};
use serde_json::{Value, json};

use crate::args::{DescribeArguments, Language};
use crate::exit::{Failure, FailureKind};
use crate::output;
use crate::peer::Target;

/// Runs `rpcudp describe`: prints the contracts that the peer publishes.
pub(crate) async fn run(arguments: &DescribeArguments, as_json: bool) -> Result<(), Failure> {
    if as_json && arguments.language != Language::Rust {
        return Err(Failure::usage("--json prints data, and --as a source: leave out one of them"));
    }
    let mut target = Target::new(&arguments.peer).await?;
    let result = loop {
        match target.peer.wire.query(target.endpoint.describe(target.peer.addr)).await {
            Err(error) if target.try_next(&error).await => {}
            result => break result,
        }
    };
    let addr = target.peer.addr;
    let contracts = match result {
        Ok(contracts) => contracts,
        Err(CallError::Refused { reason: Refusal::UnknownMethod, .. }) => {
            return Err(Failure::new(
                FailureKind::Refused,
                format!("{addr} publishes no contracts: it must serve them with `Builder::serve_described`"),
            ));
        }
        Err(CallError::Timeout { after, source: None, .. }) => {
            return Err(Failure::new(
                FailureKind::Timeout,
                format!("no contracts from {addr} within {after:?}: Python peers have none to publish"),
            ));
        }
        Err(error) => return Err(error.widen().into()),
    };
    if arguments.language == Language::Python {
        output::line(python::module(addr, &contracts).trim_end())?;
    } else if as_json {
        let contracts: Vec<_> = contracts.iter().map(contract).collect();
        output::json_line(&json!({ "peer": addr, "contracts": contracts }))?;
    } else {
        // Each contract ends with a newline.
        let printed: Vec<_> = contracts.iter().map(ToString::to_string).collect();
        output::line(printed.join("\n").trim_end())?;
    }
    Ok(())
}

fn contract(contract: &Contract) -> Value {
    let types = contract.types.iter();
    json!({
        "name": contract.name,
        "namespace": contract.namespace,
        "doc": contract.doc,
        "generics": contract.generics,
        "bounds": contract.bounds,
        "types": types.map(|ty| json!({ "name": ty.name, "bounds": ty.bounds })).collect::<Vec<_>>(),
        "methods": contract.methods.iter().map(method).collect::<Vec<_>>(),
        "definitions": contract.definitions.iter().map(definition).collect::<Vec<_>>(),
        "fingerprint": fingerprint(contract.fingerprint()),
        "trait": contract.to_string(),
    })
}

fn definition(definition: &Definition) -> Value {
    json!({ "name": definition.name, "generics": definition.generics, "type": definition.to_string() })
}

fn method(method: &Method) -> Value {
    let arguments = method.arguments.iter();
    json!({
        "name": method.name,
        "wire_name": method.wire_name,
        "doc": method.doc,
        "arguments": arguments.map(|argument| json!({ "name": argument.name, "type": argument.ty })).collect::<Vec<_>>(),
        "returns": method.returns,
        "fallible": method.fallible,
        "delivery": method.delivery.as_str(),
        "timeout_ms": method.timeout.map(|timeout| timeout.as_secs_f64() * 1e3),
        "async": method.is_async,
        "blocking": method.is_blocking,
        "session": method.session,
        "secure": method.is_secure,
        "wait_for_ready": method.wait_for_ready,
        "aliases": method.aliases,
        "fingerprint": fingerprint(method.fingerprint()),
    })
}

/// Formats a fingerprint as text, because many JSON readers keep only 53 bits of a number.
fn fingerprint(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}

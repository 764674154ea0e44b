use std::process::ExitCode;
use std::time::Duration;

use rpcudp_kademlia::{Key, Value};
use serde_json::json;

use crate::exit::{CommandResult, NOT_FOUND};
use crate::options::{GetOptions, PutOptions};
use crate::print::{print_line, warn};
use crate::temporary::join_temporarily;

pub(crate) async fn put(options: PutOptions) -> CommandResult {
    let value = options.value()?;
    let node = join_temporarily(&options.network).await?;
    let key = Key::of(&options.key);
    let copies = node.set(key, value).await?;
    node.close(Duration::ZERO).await;
    if options.network.json {
        print_line(&json!({ "key": key.to_string(), "copies": copies }))?;
    } else {
        print_line(&format_args!("{copies} nodes store {key}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn get(options: GetOptions) -> CommandResult {
    let node = join_temporarily(&options.network).await?;
    let key = Key::of(&options.key);
    let value = node.get(key).await?;
    // Lets the node cache the value at the closest node that did not have it.
    node.close(Duration::from_millis(100)).await;
    let Some(value) = value else {
        if options.network.json {
            print_line(&json!({ "key": key.to_string(), "found": false }))?;
        } else {
            warn(&format_args!("no node has {key}"));
        }
        return Ok(NOT_FOUND.into());
    };
    if options.network.json {
        let (kind, value) = describe(&value);
        print_line(&json!({ "key": key.to_string(), "found": true, "type": kind, "value": value }))?;
    } else {
        print_line(&value)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the name of the value's type in Python, and the value as JSON: bytes as hexadecimal
/// digits, and a float that is not finite as text.
fn describe(value: &Value) -> (&'static str, serde_json::Value) {
    match value {
        Value::Bool(value) => ("bool", json!(value)),
        Value::Int(value) => ("int", json!(value)),
        Value::Unsigned(value) => ("int", json!(value)),
        Value::Float(value) if value.is_finite() => ("float", json!(value)),
        Value::Float(value) => ("float", json!(value.to_string())),
        Value::Text(value) => ("str", json!(value)),
        Value::Bytes(_) => ("bytes", json!(value.to_string().trim_start_matches("0x"))),
    }
}

//! Contracts as a module of Python.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;

use rpcudp::contract::{Contract, Delivery, Method};

use super::python_names::{identifier, is_part, literal, unique};
use super::python_types::PythonTypes;

/// Prints the contracts of a peer as a module, with a client class and a service class for each.
///
/// The peer may be hostile: identifiers and types consist of letters, digits and `_`, and texts are
/// escaped, so that no part of a contract is code.
pub(super) fn module(peer: SocketAddr, contracts: &[Contract]) -> String {
    let (mut types, mut classes) = (PythonTypes::default(), String::new());
    let mut class_names = BTreeSet::new();
    let mut imports = Imports::default();
    for contract in contracts {
        write_contract(&mut classes, contract, &mut class_names, &mut types, &mut imports);
    }
    let mut module =
        format!("\"\"\"\nThe contracts of {peer}.\n\nPrinted by `rpcudp describe --as python`.\n\"\"\"\n\n");
    module.push_str("from __future__ import annotations\n\n");
    if imports.suppress {
        module.push_str("from contextlib import suppress\n");
    }
    if uses(&classes, "datetime") {
        module.push_str("from datetime import datetime\n");
    }
    let typing = match (types.aliases.is_empty(), uses(&classes, "Any")) {
        (false, _) => "from typing import Any, TypeAlias\n\n",
        (true, true) => "from typing import Any\n\n",
        (true, false) if imports.suppress || uses(&classes, "datetime") => "\n",
        (true, false) => "",
    };
    let _ = write!(module, "{typing}from rpcudp_fast import ");
    let mut names = vec!["RPCProtocol"];
    names.extend(imports.suppress.then_some("Timeout"));
    names.extend(uses(&classes, "Ext").then_some("Ext"));
    names.extend(imports.rpc.then_some("rpc"));
    names.sort_unstable();
    let _ = writeln!(module, "{}", names.join(", "));
    if !types.aliases.is_empty() {
        module.push_str("\n# The types of the peer's program. A contract has only their names.\n");
        for alias in &types.aliases {
            let _ = writeln!(module, "{alias}: TypeAlias = Any");
        }
    }
    module + &classes
}

/// The names that a module needs.
#[derive(Debug, Default)]
struct Imports {
    suppress: bool,
    rpc: bool,
}

fn uses(classes: &str, name: &str) -> bool {
    classes.split(|character: char| !is_part(character)).any(|word| word == name)
}

fn write_contract(
    out: &mut String,
    contract: &Contract,
    class_names: &mut BTreeSet<String>,
    types: &mut PythonTypes,
    imports: &mut Imports,
) {
    let name = identifier(&contract.name);
    let methods: Vec<_> =
        named_methods(contract).map(|(name, method)| PythonMethod::new(name, method, types)).collect();
    let client = unique(format!("{name}Client"), class_names);
    let service = unique(format!("{name}Service"), class_names);
    let _ = write!(out, "\n\nclass {client}:\n");
    write_doc(out, "    ", &contract.doc);
    if !contract.doc.is_empty() {
        out.push('\n');
    }
    out.push_str(
        "    def __init__(self, protocol: RPCProtocol, address: tuple[str, int], timeout: float | None = None) -> None:\n        \
         self._protocol = protocol\n        self._address = address\n        self._timeout = timeout\n",
    );
    for method in &methods {
        imports.suppress |= method.delivery == Delivery::OneWay;
        method.write_call(out);
    }
    let _ = write!(out, "\n\nclass {service}(RPCProtocol):\n");
    write_doc(out, "    ", &contract.doc);
    if methods.is_empty() {
        out.push_str("    pass\n");
    }
    let mut is_first = contract.doc.is_empty();
    for method in &methods {
        imports.rpc |= method.delivery == Delivery::AtMostOnce;
        if !std::mem::take(&mut is_first) {
            out.push('\n');
        }
        method.write_handler(out);
    }
    write_wire_names(out, &methods);
}

/// Names the handlers whose wire name is no identifier of Python, such as `clock.set`.
fn write_wire_names(out: &mut String, methods: &[PythonMethod<'_>]) {
    let mut renamed = methods.iter().filter(|method| method.name != method.wire_name).peekable();
    if renamed.peek().is_none() {
        return;
    }
    out.push_str(
        "\n    def __init_subclass__(cls, **kwargs: Any) -> None:\n        super().__init_subclass__(**kwargs)\n",
    );
    for method in renamed {
        let wire_name = literal(&format!("rpc_{}", method.wire_name));
        let _ = writeln!(out, "        setattr(cls, {wire_name}, cls.rpc_{})", method.name);
    }
}

/// Returns the methods with the names that they have in Python.
fn named_methods(contract: &Contract) -> impl Iterator<Item = (String, &Method)> {
    let attributes = ["__init__", "__init_subclass__", "_protocol", "_address", "_timeout"];
    let mut names: BTreeSet<_> = attributes.map(String::from).into();
    contract.methods.iter().map(move |method| (unique(identifier(&method.name), &mut names), method))
}

/// A method as Python needs it.
struct PythonMethod<'a> {
    name: String,
    wire_name: &'a str,
    doc: &'a str,
    delivery: Delivery,
    /// In seconds.
    timeout: Option<f64>,
    wait_for_ready: bool,
    is_secure: bool,
    /// The names and annotations.
    arguments: Vec<(String, String)>,
    returned: String,
    /// The type of the application's own error, as in the contract.
    error: Option<&'a str>,
}

impl<'a> PythonMethod<'a> {
    fn new(name: String, method: &'a Method, types: &mut PythonTypes) -> Self {
        let mut names = BTreeSet::new();
        let arguments = method.arguments.iter();
        let arguments = arguments
            .map(|argument| (unique(identifier(&argument.name), &mut names), types.annotation(&argument.ty)))
            .collect();
        Self {
            name,
            wire_name: &method.wire_name,
            doc: &method.doc,
            delivery: method.delivery,
            timeout: method.timeout.map(|timeout| timeout.as_secs_f64()),
            wait_for_ready: method.wait_for_ready,
            is_secure: method.is_secure,
            arguments,
            returned: types.returned(&method.returns, method.fallible),
            error: method.fallible.then_some(&method.returns),
        }
    }

    /// Writes the arguments of the definition, of which the last may be left out if they accept
    /// `None`.
    fn write_arguments(&self, out: &mut String) {
        let optional = self.arguments.iter().rev().take_while(|(_, annotation)| annotation.ends_with("| None")).count();
        for (index, (name, annotation)) in self.arguments.iter().enumerate() {
            let default = if index + optional >= self.arguments.len() { " = None" } else { "" };
            let _ = write!(out, ", {name}: {annotation}{default}");
        }
    }

    fn write_call(&self, out: &mut String) {
        let is_oneway = self.delivery == Delivery::OneWay;
        let _ = write!(out, "\n    async def {}(self", self.name);
        self.write_arguments(out);
        if !is_oneway {
            out.push_str(", *, timeout: float | None = None");
        }
        let _ = writeln!(out, ") -> {}:", self.returned);
        let raises = self.error.map(|error| format!("Raises `RemoteError` with the error of `{error}`."));
        let refused = self.is_secure.then(|| "Raises `Refused`: the peer takes it over a secure link only.".into());
        let paragraphs = [Some(self.doc.to_owned()).filter(|doc| !doc.is_empty()), raises, refused];
        write_doc(out, "        ", &paragraphs.into_iter().flatten().collect::<Vec<_>>().join("\n\n"));
        let mut call = format!("self._protocol.call(self._address, {}", literal(self.wire_name));
        for (name, _) in &self.arguments {
            let _ = write!(call, ", {name}");
        }
        if is_oneway {
            // The request is sent before the call ends.
            let _ = write!(out, "        with suppress(Timeout):\n            await {call}, timeout=0)\n");
            return;
        }
        out.push_str("        timeout = self._timeout if timeout is None else timeout\n");
        if let Some(timeout) = self.timeout {
            let _ = writeln!(out, "        timeout = {timeout:?} if timeout is None else timeout");
        }
        call.push_str(", timeout=timeout");
        if self.delivery.is_retransmitted() {
            call.push_str(", retransmit=True");
        }
        if self.wait_for_ready {
            call.push_str(", wait_for_ready=True");
        }
        match self.returned.as_str() {
            "None" => drop(writeln!(out, "        await {call})")),
            returned => drop(write!(out, "        value: {returned} = await {call})\n        return value\n")),
        }
    }

    fn write_handler(&self, out: &mut String) {
        if self.delivery == Delivery::AtMostOnce {
            out.push_str("    @rpc(at_most_once=True)\n");
        }
        let _ = write!(out, "    async def rpc_{}(self, address: tuple[str, int]", self.name);
        self.write_arguments(out);
        let _ = writeln!(out, ") -> {}:", self.returned);
        write_doc(out, "        ", self.doc);
        out.push_str("        raise NotImplementedError\n");
    }
}

/// Writes a docstring, unless the text is empty.
fn write_doc(out: &mut String, indent: &str, doc: &str) {
    let lines: Vec<_> = doc.lines().map(|line| line.replace('\\', "\\\\").replace('"', "\\\"")).collect();
    match &*lines {
        [] => {}
        [line] => drop(writeln!(out, "{indent}\"\"\"{line}\"\"\"")),
        lines => {
            let _ = writeln!(out, "{indent}\"\"\"");
            for line in lines {
                let _ = writeln!(out, "{}", format!("{indent}{line}").trim_end());
            }
            let _ = writeln!(out, "{indent}\"\"\"");
        }
    }
}

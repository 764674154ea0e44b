use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::iter;
use std::time::Duration;

use super::{AssociatedType, Contract, Delivery, Method};

/// Prints the source of the trait, with its options and documentation, and of the types whose
/// definitions it has.
///
/// The source compiles if the other types that it names are in scope. A contract from an untrusted
/// peer is printable text, but need not compile.
impl Display for Contract {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, namespace, doc, generics, bounds, types, methods, definitions } = self;
        write_doc(f, "", doc)?;
        let mut options = Vec::new();
        if !namespace.is_empty() {
            options.push(format!("namespace = {namespace:?}"));
        }
        if !methods.iter().all(is_callable_from_python) {
            options.push("python = false".into());
        }
        match &*options {
            [] => writeln!(f, "#[rpc_service]")?,
            options => writeln!(f, "#[rpc_service({})]", options.join(", "))?,
        }
        write!(f, "pub trait {name}")?;
        if !generics.is_empty() {
            write!(f, "<{generics}>")?;
        }
        if bounds.is_empty() {
            writeln!(f, " {{")?;
        } else {
            writeln!(f, "\nwhere")?;
            for bound in &**bounds {
                writeln!(f, "    {bound},")?;
            }
            writeln!(f, "{{")?;
        }
        let mut blank = "";
        for AssociatedType { name, bounds } in &**types {
            writeln!(f, "    type {name}: {bounds};")?;
            blank = "\n";
        }
        for method in &**methods {
            f.write_str(blank)?;
            write_method(f, method, namespace)?;
            blank = "\n";
        }
        writeln!(f, "}}")?;
        definitions.iter().try_for_each(|definition| write!(f, "\n{definition}"))
    }
}

impl Method {
    /// Returns the signature in one line, with the options that change how the method is called,
    /// and without the documentation.
    ///
    /// ```
    /// use std::borrow::Cow;
    ///
    /// use rpcudp_core::contract::{Delivery, Method};
    ///
    /// let ping = Method { name: Cow::Borrowed("ping"), delivery: Delivery::AtLeastOnce, ..Method::EMPTY };
    /// assert_eq!(ping.signature(), "#[rpc(at_least_once)] fn ping(&self)");
    /// ```
    #[must_use]
    pub fn signature(&self) -> String {
        let name = self.name.strip_prefix("r#").unwrap_or(&self.name);
        let method =
            Self { doc: "".into(), wire_name: name.to_owned().into(), aliases: Cow::Borrowed(&[]), ..self.clone() };
        let text = Source(&method).to_string();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        lines.join(" ").trim_end_matches(';').to_owned()
    }
}

/// The source of a method.
struct Source<'a>(&'a Method);

impl Display for Source<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_method(f, self.0, "")
    }
}

/// Whether Python's `rpcudp` can call a method. It reads names that start with `_` or `rpc_`, and
/// these names, as attributes of its own protocol class.
fn is_callable_from_python(method: &Method) -> bool {
    const ATTRIBUTES: [&str; 7] = [
        "transport",
        "connection_made",
        "connection_lost",
        "datagram_received",
        "error_received",
        "pause_writing",
        "resume_writing",
    ];
    let mut names = iter::once(&method.wire_name).chain(&*method.aliases);
    names.all(|name| !name.starts_with('_') && !name.starts_with("rpc_") && !ATTRIBUTES.contains(&&**name))
}

fn write_method(f: &mut Formatter<'_>, method: &Method, namespace: &str) -> fmt::Result {
    write_doc(f, "    ", &method.doc)?;
    write_options(f, method, namespace)?;
    f.write_str(if method.is_async { "    async fn " } else { "    fn " })?;
    write!(f, "{}(&self", method.name)?;
    for argument in &*method.arguments {
        // Marks an argument whose type has the name of the request's context.
        let role = if last_segment(&argument.ty) == "Context" { "#[rpc(argument)] " } else { "" };
        write!(f, ", {role}{}: {}", argument.name, argument.ty)?;
    }
    match &*method.returns {
        "()" => writeln!(f, ");"),
        returns => writeln!(f, ") -> {returns};"),
    }
}

/// Writes the `#[rpc(...)]` attribute of a method, if it has options.
fn write_options(f: &mut Formatter<'_>, method: &Method, namespace: &str) -> fmt::Result {
    let mut options = Vec::new();
    let name = method.name.strip_prefix("r#").unwrap_or(&method.name);
    let short = method.wire_name.strip_prefix(namespace).unwrap_or(&method.wire_name);
    if short != name {
        options.push(format!("name = {short:?}"));
    }
    for alias in &*method.aliases {
        options.push(format!("alias = {:?}", alias.strip_prefix(namespace).unwrap_or(alias)));
    }
    if method.delivery != Delivery::Maybe {
        options.push(method.delivery.as_str().into());
    }
    if let Some(timeout) = method.timeout {
        options.push(format!("timeout = \"{}\"", option(timeout)));
    }
    if method.wait_for_ready {
        options.push("wait_for_ready".into());
    }
    if method.is_blocking {
        options.push("blocking".into());
    }
    if method.is_secure {
        options.push("secure".into());
    }
    match method.session.as_deref() {
        None => {}
        Some("") => options.push("session".into()),
        Some(pool) => options.push(format!("session = {pool:?}")),
    }
    if method.fallible && last_segment(&method.returns) != "Result" {
        options.push("fallible".into());
    }
    if options.is_empty() { Ok(()) } else { writeln!(f, "    #[rpc({})]", options.join(", ")) }
}

fn write_doc(f: &mut Formatter<'_>, indent: &str, doc: &str) -> fmt::Result {
    for line in doc.lines() {
        let space = if line.is_empty() { "" } else { " " };
        writeln!(f, "{indent}///{space}{line}")?;
    }
    Ok(())
}

/// Returns a timeout as in the option: an integer and the largest unit that represents it exactly.
fn option(timeout: Duration) -> String {
    match (timeout.as_secs(), timeout.subsec_nanos()) {
        (secs, 0) => format!("{secs}s"),
        (_, nanos) if nanos % 1_000_000 == 0 => format!("{}ms", timeout.as_millis()),
        // The smallest unit of the option. No contract contains smaller fractions.
        _ => format!("{}us", timeout.as_micros()),
    }
}

/// Returns the last segment of a path: `Context` of `&'a rpcudp::Context`, `Result` of
/// `io::Result<u8>`.
fn last_segment(ty: &str) -> &str {
    let path = ty.split('<').next().unwrap_or(ty);
    path.rsplit(|character: char| !character.is_alphanumeric() && character != '_').next().unwrap_or(path)
}

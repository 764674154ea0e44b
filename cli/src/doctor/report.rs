use serde_json::{Map, Value, json};

use crate::exit::{Failure, FailureKind};
use crate::output::{self, DIM, ERROR, SUCCESS, WARNING, styled};

/// The results of the checks: printed as text one by one, or as JSON at the end.
#[derive(Debug)]
pub(super) struct Report {
    as_json: bool,
    checks: Vec<Check>,
}

/// The result of one check.
#[derive(Clone, Debug)]
pub(super) struct Check {
    name: &'static str,
    status: Status,
    message: String,
    /// Suggested fixes.
    advice: Vec<String>,
    data: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Ok,
    /// A finding that may or may not be a fault.
    Note,
    /// The check could not be made.
    Unknown,
    Fault(Fault),
}

/// A fault that a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "secure"), expect(dead_code, reason = "the faults of links"))]
pub(super) enum Fault {
    ClosedPort,
    Silence,
    WrongDialect,
    OtherSource,
    Loss,
    Size,
    NoRoute,
    Unsendable,
    NoLink,
    LinkRefused,
    BrokenLink,
    WrongPeer,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::ClosedPort => "closed_port",
            Self::Silence => "silence",
            Self::WrongDialect => "wrong_dialect",
            Self::OtherSource => "other_source",
            Self::Loss => "loss",
            Self::Size => "size",
            Self::NoRoute => "no_route",
            Self::Unsendable => "unsendable",
            Self::NoLink => "no_link",
            Self::LinkRefused => "link_refused",
            Self::BrokenLink => "broken_link",
            Self::WrongPeer => "wrong_peer",
        }
    }

    /// Returns the kind of failure that a call would end with.
    fn failure_kind(self) -> FailureKind {
        match self {
            Self::ClosedPort | Self::NoRoute => FailureKind::Unreachable,
            Self::Silence | Self::NoLink => FailureKind::Timeout,
            Self::LinkRefused => FailureKind::Refused,
            Self::WrongPeer => FailureKind::WrongPeer,
            _ => FailureKind::Other,
        }
    }
}

impl Check {
    pub(super) fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, message)
    }

    pub(super) fn note(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Note, message)
    }

    pub(super) fn unknown(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Unknown, message)
    }

    pub(super) fn fault(name: &'static str, fault: Fault, message: impl Into<String>) -> Self {
        Self::new(name, Status::Fault(fault), message)
    }

    fn new(name: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self { name, status, message: message.into(), advice: Vec::new(), data: Map::new() }
    }

    /// Adds a suggested fix.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }

    /// Adds a field to the JSON output.
    pub(super) fn with_data(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.into(), value.into());
        self
    }
}

impl Report {
    pub(super) fn new(as_json: bool) -> Self {
        Self { as_json, checks: Vec::new() }
    }

    pub(super) fn add(&mut self, check: Check) -> Result<(), Failure> {
        if !self.as_json {
            let (style, status) = match check.status {
                Status::Ok => (SUCCESS, "ok"),
                Status::Note => (WARNING, "note"),
                Status::Unknown => (DIM, "?"),
                Status::Fault(_) => (ERROR, "fault"),
            };
            output::line(&format!("{} {:<10} {}", styled(style, format!("{status:>5}")), check.name, check.message))?;
            for advice in &check.advice {
                output::line(&format!("{:>16} {} {advice}", "", styled(DIM, "->")))?;
            }
        }
        self.checks.push(check);
        Ok(())
    }

    /// Prints the verdict. Returns the kind of the first fault, which decides the exit code.
    pub(super) fn finish(self, peer: &str) -> Result<Option<FailureKind>, Failure> {
        let Self { as_json, checks } = self;
        let faults = checks.iter().filter_map(|check| match check.status {
            Status::Fault(fault) => Some(fault),
            _ => None,
        });
        let faults: Vec<_> = faults.collect();
        let kind = faults.first().map(|fault| fault.failure_kind());
        if as_json {
            let checks: Vec<_> = checks.into_iter().map(check_to_json).collect();
            let names: Vec<_> = faults.iter().map(|fault| fault.name()).collect();
            output::json_line(&json!({
                "peer": peer, "well": faults.is_empty(), "faults": names, "exit": kind.map_or(0, FailureKind::code),
                "checks": checks,
            }))?;
        } else if faults.is_empty() {
            output::line(&styled(SUCCESS, "no faults found"))?;
        } else {
            let names = checks.iter().filter(|check| matches!(check.status, Status::Fault(_)));
            let names: Vec<_> = names.map(|check| check.name).collect();
            output::line(&styled(ERROR, format!("faults found: {}", names.join(", "))))?;
        }
        Ok(kind)
    }
}

fn check_to_json(check: Check) -> Value {
    let Check { name, status, message, advice, data } = check;
    let (status, fault) = match status {
        Status::Ok => ("well", None),
        Status::Note => ("note", None),
        Status::Unknown => ("unknown", None),
        Status::Fault(fault) => ("fault", Some(fault.name())),
    };
    let mut value = json!({ "check": name, "status": status, "fault": fault, "says": message, "advice": advice });
    if let Some(object) = value.as_object_mut() {
        object.extend(data);
    }
    value
}

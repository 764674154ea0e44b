use serde_json::{Map, Value, json};

use crate::exit::{Failure, FailureKind};
use crate::output::{self, DIM, ERROR, SUCCESS, WARNING, styled};

/// What a doctor found out: printed as it comes, or at the end in JSON.
pub(super) struct Report {
    as_json: bool,
    checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug)]
pub(super) struct Check {
    name: &'static str,
    status: Status,
    says: String,
    /// What to do about it.
    advice: Vec<String>,
    data: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Ok,
    /// Worth knowing, and wrong only perhaps.
    Note,
    /// It could not be looked at.
    Unknown,
    Fault(Fault),
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    ClosedPort,
    Silence,
    WrongDialect,
    OtherSource,
    Loss,
    Size,
    Unsendable,
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
            Self::Unsendable => "unsendable",
        }
    }

    /// How a call would end.
    fn failure_kind(self) -> FailureKind {
        match self {
            Self::ClosedPort => FailureKind::Unreachable,
            Self::Silence => FailureKind::Timeout,
            _ => FailureKind::Other,
        }
    }
}

impl Check {
    pub(super) fn ok(name: &'static str, says: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, says)
    }

    pub(super) fn note(name: &'static str, says: impl Into<String>) -> Self {
        Self::new(name, Status::Note, says)
    }

    pub(super) fn unknown(name: &'static str, says: impl Into<String>) -> Self {
        Self::new(name, Status::Unknown, says)
    }

    pub(super) fn fault(name: &'static str, fault: Fault, says: impl Into<String>) -> Self {
        Self::new(name, Status::Fault(fault), says)
    }

    fn new(name: &'static str, status: Status, says: impl Into<String>) -> Self {
        Self { name, status, says: says.into(), advice: Vec::new(), data: Map::new() }
    }

    /// Adds what to do about it.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }

    /// Adds what a program wants to know.
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
                Status::Ok => (SUCCESS, "well"),
                Status::Note => (WARNING, "note"),
                Status::Unknown => (DIM, "?"),
                Status::Fault(_) => (ERROR, "wrong"),
            };
            output::line(&format!("{} {:<10} {}", styled(style, format!("{status:>5}")), check.name, check.says))?;
            for advice in &check.advice {
                output::line(&format!("{:>16} {} {advice}", "", styled(DIM, "->")))?;
            }
        }
        self.checks.push(check);
        Ok(())
    }

    /// Prints the verdict, and gives the exit code of the first fault.
    pub(super) fn finish(self, peer: &str) -> Result<Option<FailureKind>, Failure> {
        let Self { as_json, checks } = self;
        let faults = checks.iter().filter_map(|check| match check.status {
            Status::Fault(fault) => Some(fault),
            _ => None,
        });
        let faults: Vec<_> = faults.collect();
        let kind = faults.first().map(|fault| fault.failure_kind());
        if as_json {
            let checks: Vec<_> = checks.into_iter().map(as_value).collect();
            let names: Vec<_> = faults.iter().map(|fault| fault.name()).collect();
            output::json_line(&json!({
                "peer": peer, "well": faults.is_empty(), "faults": names, "exit": kind.map_or(0, FailureKind::code),
                "checks": checks,
            }))?;
        } else if faults.is_empty() {
            output::line(&styled(SUCCESS, "all is well"))?;
        } else {
            let wrong = checks.iter().filter(|check| matches!(check.status, Status::Fault(_)));
            let wrong: Vec<_> = wrong.map(|check| check.name).collect();
            output::line(&styled(ERROR, format!("something is wrong: {}", wrong.join(", "))))?;
        }
        Ok(kind)
    }
}

fn as_value(check: Check) -> Value {
    let Check { name, status, says, advice, data } = check;
    let (status, fault) = match status {
        Status::Ok => ("well", None),
        Status::Note => ("note", None),
        Status::Unknown => ("unknown", None),
        Status::Fault(fault) => ("fault", Some(fault.name())),
    };
    let mut value = json!({ "check": name, "status": status, "fault": fault, "says": says, "advice": advice });
    if let Some(object) = value.as_object_mut() {
        object.extend(data);
    }
    value
}

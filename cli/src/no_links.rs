//! The counterpart of `links` without the feature `secure`: addresses and options of links are
//! refused.

use std::fmt;
use std::path::Path;

use rpcudp::contract::ContractQuery;
use rpcudp::{Builder, Call, Context, Endpoint};

use crate::exit::Failure;
use crate::value::Value;

pub(crate) const MAX_FILE_LEN: usize = rpcudp_core::limits::MAX_DATAGRAM_LEN;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Plain,
}

#[derive(Clone, Debug)]
pub(crate) struct LinkIdentity;

fn no_links() -> Failure {
    Failure::usage("this build has no links: install rpcudp-cli with its feature `secure`")
}

impl Wire {
    pub(crate) fn split(name: &str) -> Result<(Self, &str), Failure> {
        if name.contains('@') { Err(no_links()) } else { Ok((Self::Plain, name)) }
    }

    pub(crate) fn is_link(self) -> bool {
        false
    }

    pub(crate) fn call(self, call: Call<Value, Value>) -> Call<Value, Value> {
        call
    }

    pub(crate) fn query<T>(self, query: ContractQuery<T>) -> ContractQuery<T> {
        query
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl LinkIdentity {
    pub(crate) fn of_caller(file: Option<&Path>, _: bool) -> Result<Self, Failure> {
        if file.is_some() { Err(no_links()) } else { Ok(Self) }
    }

    pub(crate) fn add_to_caller(&self, builder: Builder) -> Builder {
        builder
    }

    pub(crate) fn of_listener(file: Option<&Path>) -> Result<Self, Failure> {
        Self::of_caller(file, false)
    }

    pub(crate) fn add_to_listener(&self, builder: Builder, _: &[String], _: bool) -> Result<Builder, Failure> {
        Ok(builder)
    }

    pub(crate) fn key(&self) -> Option<String> {
        None
    }
}

pub(crate) fn is_up(_: &Endpoint) -> bool {
    false
}

pub(crate) fn sender_key(_: &Context) -> Option<String> {
    None
}

pub(crate) mod errors {
    use rpcudp::CallError;

    use crate::failure_kind::FailureKind;

    pub(crate) fn diagnose<E>(_: &CallError<E>) -> Option<(FailureKind, Option<&'static str>)> {
        None
    }

    pub(crate) fn outcome_name<E>(_: &CallError<E>) -> Option<&'static str> {
        None
    }

    pub(crate) fn is_without_answer<E>(_: &CallError<E>) -> bool {
        false
    }
}

use std::fmt;

/// Two services that one endpoint cannot serve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Collision {
    /// The wire name of the method that both have. `None` if both take other methods.
    pub(crate) method: Option<&'static str>,
    pub(crate) services: [&'static str; 2],
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, services: [one, other] } = self;
        match method {
            Some(method) if one == other => write!(
                f,
                "`{one}` is served twice, and a call of `{method}` can reach only one of them: serve it once, or, if these \
                 are two traits of one name, give one of them a namespace, `#[rpc_service(namespace = \"...\")]`"
            ),
            Some(method) => write!(
                f,
                "both `{one}` and `{other}` have a method `{method}`: give one of them a namespace, \
                 `#[rpc_service(namespace = \"...\")]`, or the method another name, `#[rpc(name = \"...\")]`"
            ),
            None => write!(
                f,
                "both `{one}` and `{other}` take methods that no service has, and a request can go to only one of them: \
                 return `None` from `DynamicService::other_methods` of one of them"
            ),
        }
    }
}

/// A method that requires a session in a pool that the endpoint does not have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnknownPool {
    pub(crate) method: &'static str,
    pub(crate) pool: &'static str,
}

impl fmt::Display for UnknownPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, pool } = self;
        if pool.is_empty() {
            return write!(
                f,
                "`{method}` requires a session, and the endpoint has none: pass `Sessions::new()` to `Builder::sessions`"
            );
        }
        write!(
            f,
            "`{method}` requires a session in the pool `{pool}`, which the endpoint does not have: pass \
             `Sessions::pool(\"{pool}\")` to `Builder::sessions`"
        )
    }
}

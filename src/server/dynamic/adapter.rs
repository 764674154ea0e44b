use std::sync::Arc;

use rpcudp_core::contract::{Contract, Delivery, Method};

use super::DynamicService;
use crate::server::incoming_request::IncomingRequest;
use crate::server::interned::interned;
use crate::server::service::AnyService;

/// A [`DynamicService`] among the services of an endpoint.
pub(crate) struct DynamicAdapter<S> {
    name: &'static str,
    methods: Vec<Declared>,
    /// The earlier names of methods, each with the present one.
    aliases: Vec<(&'static str, &'static str)>,
    /// The methods that require a session, each with the name of the pool.
    sessions: Vec<(&'static str, &'static str)>,
    other_methods: Option<Delivery>,
    contract: Contract,
    service: Arc<S>,
}

/// A method that the service declares.
struct Declared {
    name: &'static str,
    delivery: Delivery,
    /// Whether requests over the plain wire are refused.
    is_secure: bool,
}

impl<S: DynamicService> DynamicAdapter<S> {
    pub(crate) fn new(service: S) -> Self {
        let name = interned(service.name());
        let methods = service.methods();
        Self {
            name,
            methods: methods.iter().map(Declared::new).collect(),
            aliases: methods
                .iter()
                .flat_map(|method| method.aliases.iter().map(|alias| (interned(alias), interned(&method.wire_name))))
                .collect(),
            sessions: methods
                .iter()
                .filter_map(|method| Some((interned(&method.wire_name), interned(method.session.as_ref()?))))
                .collect(),
            other_methods: service.other_methods(),
            service: Arc::new(service),
            contract: Contract { name: name.into(), methods: methods.into(), ..Contract::EMPTY },
        }
    }
}

impl Declared {
    fn new(method: &Method) -> Self {
        Self { name: interned(&method.wire_name), delivery: method.delivery, is_secure: method.is_secure }
    }
}

impl<S: DynamicService> AnyService for DynamicAdapter<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn method_count(&self) -> usize {
        self.methods.len()
    }

    fn method(&self, index: usize) -> (&'static str, Delivery) {
        let Declared { name, delivery, .. } = self.methods[index];
        (name, delivery)
    }

    fn aliases(&self) -> &[(&'static str, &'static str)] {
        &self.aliases
    }

    fn sessions(&self) -> &[(&'static str, &'static str)] {
        &self.sessions
    }

    fn contract(&self) -> Option<&Contract> {
        Some(&self.contract)
    }

    fn other_methods(&self) -> Option<Delivery> {
        self.other_methods
    }

    fn call(&self, index: usize, request: IncomingRequest<'_>) {
        let declared = self.methods.get(index);
        let needs_link = declared.is_some_and(|method| method.is_secure);
        let Some(request) = (if needs_link { request.over_link() } else { Some(request) }) else { return };
        let service = Arc::clone(&self.service);
        // The name in the request may be an alias.
        let name = declared.map(|method| method.name);
        request.spawn(move |request| async move {
            let method = name.unwrap_or(&request.head.method);
            Ok(service.call(request.context(), method, request.raw_arguments()).await)
        });
    }
}

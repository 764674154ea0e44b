use std::sync::Arc;

use rpcudp_core::contract::{Contract, Delivery};

use super::DynamicService;
use crate::server::incoming_request::IncomingRequest;
use crate::server::interned::interned;
use crate::server::service::AnyService;

/// A [`DynamicService`] among the services of an endpoint.
pub(crate) struct DynamicAdapter<S> {
    name: &'static str,
    methods: Vec<(&'static str, Delivery)>,
    /// The earlier names of methods, each with the present one.
    aliases: Vec<(&'static str, &'static str)>,
    other_methods: Option<Delivery>,
    service: Arc<S>,
}

impl<S: DynamicService> DynamicAdapter<S> {
    /// Returns the service as the router needs it, and its contract.
    pub(crate) fn new(service: S) -> (Self, Contract) {
        let name = interned(service.name());
        let methods = service.methods();
        let adapter = Self {
            name,
            methods: methods.iter().map(|method| (interned(&method.wire_name), method.delivery)).collect(),
            aliases: methods
                .iter()
                .flat_map(|method| method.aliases.iter().map(|alias| (interned(alias), interned(&method.wire_name))))
                .collect(),
            other_methods: service.other_methods(),
            service: Arc::new(service),
        };
        (adapter, Contract { name: name.into(), methods: methods.into(), ..Contract::EMPTY })
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
        self.methods[index]
    }

    fn aliases(&self) -> &[(&'static str, &'static str)] {
        &self.aliases
    }

    fn other_methods(&self) -> Option<Delivery> {
        self.other_methods
    }

    fn call(&self, index: usize, request: IncomingRequest<'_>) {
        let service = Arc::clone(&self.service);
        // The name in the request may be an alias.
        let declared = self.methods.get(index).map(|(name, _)| *name);
        request.spawn(move |request| async move {
            let method = declared.unwrap_or(&request.head.method);
            Ok(service.call(request.context(), method, request.raw_arguments()).await)
        });
    }
}

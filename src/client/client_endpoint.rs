use std::ops::Deref;
use std::sync::Arc;

use crate::endpoint::Endpoint;
use crate::group::shared::GroupView;

/// An endpoint, and the view of a client on its group.
///
/// Shared with the calls of this client only. All threads count handles to the endpoint itself, and
/// would contend for that count with each call. The view is here because a second count would cost
/// each call to a group another hundredth of its time.
#[derive(Debug)]
pub(crate) struct ClientEndpoint {
    endpoint: Endpoint,
    view: Option<GroupView>,
}

impl ClientEndpoint {
    pub(super) fn new(endpoint: Endpoint) -> Arc<Self> {
        Arc::new(Self { endpoint, view: None })
    }

    /// Returns the endpoint of a client that calls a group.
    pub(super) fn with_view(endpoint: Endpoint, view: GroupView) -> Arc<Self> {
        Arc::new(Self { endpoint, view: Some(view) })
    }

    /// Returns the endpoint for another client with the same group, if there is one.
    pub(super) fn fork(&self) -> Arc<Self> {
        let view = self.view.as_ref().map(|view| GroupView::new(&view.group, view.key));
        Arc::new(Self { endpoint: self.endpoint.clone(), view })
    }

    /// Returns the view on the client's group. Its target must be one.
    #[inline]
    pub(super) fn view(&self) -> &GroupView {
        self.view.as_ref().expect("a client of a group has a view on it")
    }
}

impl Deref for ClientEndpoint {
    type Target = Endpoint;

    #[inline]
    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

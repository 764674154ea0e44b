use std::sync::{Mutex, PoisonError};

use super::node::Node;

/// The identity of this node, which the service tells others, while it is a member.
#[derive(Debug, Default)]
pub(crate) struct LocalNode {
    node: Mutex<Option<Node>>,
}

impl LocalNode {
    pub(crate) fn get(&self) -> Option<Node> {
        *self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, node: Option<Node>) {
        *self.node.lock().unwrap_or_else(PoisonError::into_inner) = node;
    }
}

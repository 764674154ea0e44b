use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use super::engine::Table;
use super::event::SwimEvent;

/// The way of members and events from the protocol's task to the program.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) table: watch::Sender<Arc<Table>>,
    events: broadcast::Sender<SwimEvent>,
}

/// The program's end.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) table: watch::Receiver<Arc<Table>>,
    pub(crate) events: broadcast::WeakSender<SwimEvent>,
}

impl Publisher {
    /// The number of events that may wait for a subscriber.
    const EVENTS: usize = 1_024;

    pub(crate) fn new() -> (Self, Subscription) {
        let (events, _) = broadcast::channel(Self::EVENTS);
        let (table, receiver) = watch::channel(Arc::default());
        let subscription = Subscription { table: receiver, events: events.downgrade() };
        (Self { table, events }, subscription)
    }

    /// Whether no member is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.borrow().is_empty()
    }

    /// Publishes the difference to the table published before.
    pub(crate) fn publish(&self, table: Table) {
        let before = Arc::clone(&self.table.borrow());
        if *before == table {
            return;
        }
        // The table first, so that the members include those of an event.
        let table = Arc::new(table);
        self.table.send_replace(Arc::clone(&table));
        let send = |event| {
            // An error only says that there is no subscriber.
            let _ = self.events.send(event);
        };
        for (addr, (node, _)) in &*before {
            if table.get(addr).is_none_or(|(current, _)| current != node) {
                send(SwimEvent::Left(*addr));
            }
        }
        for (addr, (node, is_suspect)) in &*table {
            let earlier = before.get(addr).filter(|(earlier, _)| earlier == node);
            let was_suspect = earlier.is_some_and(|(_, was_suspect)| *was_suspect);
            if earlier.is_none() {
                send(SwimEvent::Joined(*addr));
            }
            match (was_suspect, is_suspect) {
                (false, true) => send(SwimEvent::Suspect(*addr)),
                (true, false) => send(SwimEvent::Recovered(*addr)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::swim::node::Node;

    fn table(members: &[(u16, u64, bool)]) -> Table {
        let member = |(port, run, is_suspect): &(u16, u64, bool)| {
            let addr = addr(*port);
            (addr, (Node { addr, run: *run }, *is_suspect))
        };
        members.iter().map(member).collect()
    }

    fn addr(port: u16) -> SocketAddr {
        ([10, 0, 0, 1], port).into()
    }

    #[tokio::test]
    async fn events_are_the_differences_of_tables() {
        let (publisher, subscription) = Publisher::new();
        let mut events = subscription.events.upgrade().unwrap().subscribe();
        publisher.publish(table(&[(1, 1, false), (2, 1, false)]));
        publisher.publish(table(&[(1, 1, true), (2, 1, false)]));
        publisher.publish(table(&[(1, 1, false), (2, 2, false)]));
        publisher.publish(table(&[(1, 1, false)]));
        drop(publisher);
        let mut log = Vec::new();
        while let Ok(event) = events.recv().await {
            log.push(event);
        }
        use SwimEvent::{Joined, Left, Recovered, Suspect};
        let first = [Joined(addr(1)), Joined(addr(2)), Suspect(addr(1))];
        let restarted = [Left(addr(2)), Recovered(addr(1)), Joined(addr(2))];
        assert_eq!(log, [&first[..], &restarted, &[Left(addr(2))]].concat());
    }
}

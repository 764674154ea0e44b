use std::future::poll_fn;
use std::mem;
use std::sync::{Mutex, MutexGuard};
use std::task::{Poll, Waker};

/// The slots through which a receiving task passes responses to callers that share a socket or a
/// connection: one for each caller. Requests and responses begin with the number of the slot.
#[derive(Debug)]
pub(super) struct Slots(Vec<Mutex<Slot>>);

/// The slot of a caller. The caller swaps the response with its previous one, so that no call
/// allocates.
#[derive(Debug, Default)]
struct Slot {
    state: State,
    response: Vec<u8>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Waiting {
        count: u32,
        waker: Option<Waker>,
    },
    Completed,
}

impl Slots {
    /// The length of the header: the numbers of the caller and of the call, four bytes each.
    pub(super) const HEADER_LEN: usize = 8;

    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|_| Mutex::default()).collect())
    }

    /// Returns the header of a call: `count` is its number among the calls of the caller.
    pub(super) fn header(number: u32, count: u32) -> [u8; Self::HEADER_LEN] {
        (u64::from(number) << 32 | u64::from(count)).to_be_bytes()
    }

    /// Begins a call. Its response may arrive from now on.
    pub(super) fn begin(&self, number: u32, count: u32) {
        self.slot(number).state = State::Waiting { count, waker: None };
    }

    /// Waits for the response to a call, and swaps it into `response`.
    pub(super) async fn completion(&self, number: u32, count: u32, response: &mut Vec<u8>) {
        poll_fn(|cx| {
            let mut slot = self.slot(number);
            if matches!(slot.state, State::Completed) {
                slot.state = State::Idle;
                mem::swap(&mut slot.response, response);
                return Poll::Ready(());
            }
            slot.state = State::Waiting { count, waker: Some(cx.waker().clone()) };
            Poll::Pending
        })
        .await;
    }

    /// Completes the call that a response belongs to. Drops any other datagram.
    pub(super) fn complete(&self, datagram: &[u8]) {
        let Some((number, rest)) = datagram.split_first_chunk() else { return };
        let Some((call_number, response)) = rest.split_first_chunk() else { return };
        let number = u32::from_be_bytes(*number);
        if number as usize >= self.0.len() {
            return;
        }
        let mut slot = self.slot(number);
        let Slot { state, response: stored } = &mut *slot;
        let State::Waiting { count, waker } = state else { return };
        if *count != u32::from_be_bytes(*call_number) {
            return;
        }
        stored.clear();
        stored.extend_from_slice(response);
        let waker = waker.take();
        *state = State::Completed;
        drop(slot);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn slot(&self, number: u32) -> MutexGuard<'_, Slot> {
        self.0[number as usize].lock().expect("no thread panics while it holds a slot")
    }
}

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rpcudp_core::codec::{Arguments, decode, encode};
use rpcudp_core::{CallEvent, Calls, Dialect, Frame, MessageId, Request, Response, Schedule, copy};
use serde::{Deserialize, Serialize};

use super::timer::Timer;

/// The number of operations.
pub(super) const COUNT: usize = 3 * SIZES.len() + 2 + 2 * SHIFTS.len() + 4 + 2 * PENDING_COUNTS.len();

/// The lengths of payloads in bytes.
const SIZES: [usize; 3] = [32, 1024, 8000];

/// The offsets in its page of memory at which a copy begins, relative to the original, in bytes.
const SHIFTS: [usize; 2] = [64, 16];

/// The numbers of calls in flight.
const PENDING_COUNTS: [u32; 3] = [1, 1_000, 1_000_000];

const DIALECT: Dialect = Dialect::Rpcudp;

pub(super) fn time_all(timer: &mut Timer) {
    codec(timer);
    copies(timer);
    frame(timer);
    table(timer);
}

/// A struct of typical size: the contact of a peer in a DHT.
#[derive(Serialize, Deserialize)]
struct Contact<'a> {
    id: &'a [u8],
    host: &'a str,
    port: u16,
    seen: Option<u64>,
}

fn codec(timer: &mut Timer) {
    let mut out = Vec::new();
    for size in SIZES {
        let payload = vec![0xab_u8; size];
        timer.time(&format!("codec: encode {size} bytes"), || {
            out.clear();
            encode(&mut out, black_box(payload.as_slice())).expect("bytes can be encoded");
            black_box(&out);
        });
        timer.time(&format!("codec: decode {size} bytes, borrowed"), || {
            black_box(decode::<&[u8]>(black_box(&out)).expect("the value was encoded above"));
        });
        timer.time(&format!("codec: decode {size} bytes into a Vec"), || {
            black_box(decode::<Vec<u8>>(black_box(&out)).expect("the value was encoded above"));
        });
    }
    let contact = Contact { id: &[7; 20], host: "2001:db8::17", port: 8468, seen: Some(1_763_600_000) };
    timer.time("codec: encode a struct of 4 fields", || {
        out.clear();
        encode(&mut out, black_box(&contact)).expect("a contact can be encoded");
        black_box(&out);
    });
    timer.time("codec: decode a struct of 4 fields, borrowed", || {
        black_box(decode::<Contact<'_>>(black_box(&out)).expect("the value was encoded above"));
    });
}

/// Times copies to different offsets in a page. The time of a copy in pieces must not depend on the
/// offset.
fn copies(timer: &mut Timer) {
    const PAGE: usize = 4_096;
    const LEN: usize = 8_000;
    let original = vec![0xab_u8; LEN];
    for shift in SHIFTS {
        let mut out = vec![0; LEN + 2 * PAGE];
        let start = (original.as_ptr().addr() + shift).wrapping_sub(out.as_ptr().addr()) % PAGE;
        out.truncate(start);
        timer.time(&format!("copy: {LEN} bytes at once, {shift} bytes further into the page"), || {
            out.truncate(start);
            out.extend_from_slice(black_box(&original));
            black_box(&out);
        });
        timer.time(&format!("copy: {LEN} bytes in pieces, {shift} bytes further into the page"), || {
            out.truncate(start);
            copy::append(&mut out, black_box(&original));
            black_box(&out);
        });
    }
}

fn frame(timer: &mut Timer) {
    let id = MessageId::without_slot([7; 16]);
    let payload = [0xab_u8; 32];
    let mut out = Vec::new();
    timer.time("frame: write a request of 32 bytes", || {
        out.clear();
        Request::begin(&mut out, DIALECT, "echo", 1);
        encode(&mut out, black_box(payload.as_slice())).expect("bytes can be encoded");
        Request::set_id(&mut out, black_box(id));
        black_box(&out);
    });
    timer.time("frame: read a request of 32 bytes, argument included", || {
        let Ok(Frame::Request(request)) = Frame::decode(black_box(&out), DIALECT) else {
            panic!("the frame was encoded above")
        };
        black_box(Arguments::new(request.arguments).take::<&[u8]>("bytes").expect("the value was encoded above"));
    });
    timer.time("frame: write a response of 32 bytes", || {
        out.clear();
        Response::begin(&mut out, DIALECT, black_box(id));
        encode(&mut out, black_box(payload.as_slice())).expect("bytes can be encoded");
        black_box(&out);
    });
    timer.time("frame: read a response of 32 bytes, value included", || {
        let Ok(Frame::Response(response)) = Frame::decode(black_box(&out), DIALECT) else {
            panic!("the frame was encoded above")
        };
        black_box(decode::<&[u8]>(response.body).expect("the value was encoded above"));
    });
}

/// Times calls that begin and end while others are in flight. The time must not grow with the
/// number of the others.
fn table(timer: &mut Timer) {
    for count in PENDING_COUNTS {
        let mut pending = PendingCalls::of(count);
        timer.time(&format!("table: a call begins and gets its response, {count} others in flight"), || {
            let id = pending.begin();
            pending.end(&id);
        });
        timer.time(&format!("table: a call begins and another times out, {count} in flight"), || {
            pending.begin();
            pending.pass_time();
        });
    }
}

/// Calls that begin at equal intervals and time out after five seconds.
pub(super) struct PendingCalls {
    calls: Calls<()>,
    now: Instant,
    /// The time between two calls, so that the number of calls in flight stays constant.
    interval: Duration,
    count: u64,
}

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8468);

impl PendingCalls {
    const TIMEOUT: Duration = Duration::from_secs(5);

    pub(super) fn of(count: u32) -> Self {
        let now = Instant::now();
        // Calls that time out within one tick of the table's clock end together, so some stay
        // longer.
        let calls = Calls::new(now).with_limit(2 * count as usize + 16);
        let mut pending = Self { calls, now, interval: Self::TIMEOUT / count, count: 0 };
        for _ in 0..count {
            pending.begin();
            pending.now += pending.interval;
        }
        pending
    }

    pub(super) fn begin(&mut self) -> MessageId {
        let schedule =
            Schedule { sent: self.now, deadline: self.now + Self::TIMEOUT, retransmits: false, waits_for_ready: false };
        self.count += 1;
        let random = u128::from(self.count).to_le_bytes();
        self.calls.insert(PEER, schedule, random, ()).expect("the table has room")
    }

    /// Completes a call with its response, and removes it.
    pub(super) fn end(&mut self, id: &MessageId) {
        self.calls.complete(black_box(id), PEER, Duration::ZERO, || self.now).expect("the call is in flight");
        self.calls.remove(id);
    }

    /// Advances the time to the beginning of the next call, and ends the calls that have timed out.
    fn pass_time(&mut self) {
        self.now += self.interval;
        while let Some(CallEvent::TimedOut { key: id, .. }) = self.calls.poll(self.now, 0) {
            self.calls.remove(&id);
        }
    }
}

//! The memory of links that are idle.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rpcudp_secure::{Expected, Identity, LinkOptions, Links};

/// The memory that an idle link may take at each end, in bytes.
const MAX_LEN: i64 = 20_000;

const LINK_COUNT: u16 = 200;

fn links(number: u8, now: Instant) -> Links {
    Links::new(&Identity::from_seed([number; 32]), LinkOptions::default(), now, [number; 32])
}

/// Passes datagrams until none is left. Each link has an address of its own, which stands for both
/// of its ends.
fn pump(caller: &mut Links, called: &mut Links, now: Instant) {
    loop {
        let mut sent = Vec::new();
        caller.flush(now, |datagram| sent.push((datagram.destination, datagram.contents.to_vec())));
        let mut returned = Vec::new();
        for (addr, datagram) in &sent {
            called.handle(now, *addr, None, datagram);
            called.flush(now, |datagram| returned.push((datagram.destination, datagram.contents.to_vec())));
        }
        for (addr, datagram) in &returned {
            caller.handle(now, *addr, None, datagram);
        }
        while caller.poll().is_some() || called.poll().is_some() {}
        if sent.is_empty() && returned.is_empty() {
            break;
        }
    }
}

#[test]
fn idle_link_takes_at_most_20_kb_at_either_end() {
    #[expect(clippy::disallowed_methods, reason = "the origin of virtual time")]
    let mut now = Instant::now();
    let (mut caller, mut called) = (links(1, now), links(2, now));
    let mut measured = 0;
    // The first links fill buffers that all share.
    for range in [0..24, 24..24 + LINK_COUNT] {
        let counted = allocation_counter::measure(|| {
            for number in range {
                let addr = SocketAddr::from(([10, 0, (number >> 8) as u8, number as u8], 7_000));
                let link = caller.connect(now, addr, Expected::Any).unwrap();
                pump(&mut caller, &mut called, now);
                caller.send(now, link, vec![7; 100]).unwrap();
                pump(&mut caller, &mut called, now);
                // Fewer than 100 handshakes a second, and all before the first link has been idle
                // for too long.
                now += Duration::from_millis(11);
                for links in [&mut caller, &mut called] {
                    if links.deadline().is_some_and(|at| at <= now) {
                        links.handle_timeout(now);
                    }
                }
                pump(&mut caller, &mut called, now);
            }
        });
        measured = counted.bytes_current;
    }
    assert_eq!((caller.stats().up, called.stats().up), (224, 224));
    let each = measured / i64::from(LINK_COUNT) / 2;
    println!("{each} bytes");
    assert!(each <= MAX_LEN, "{each} bytes for a link at each end");
}

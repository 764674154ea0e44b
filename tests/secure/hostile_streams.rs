//! Peers that break the protocol of streams.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use rpcudp::sim::{Network, Node};
use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use rpcudp::{Call, Endpoint, Inflow, InflowError, LinkOptions, Outflow, rpc_service};
use rpcudp_secure::{AnyPeer, LinkEvent, LinkId, LinkStream, Links, StreamRead};
use tokio::time::{Instant, sleep, timeout};

use crate::fixture::{Runs, bind, builder, identity, peer};
use crate::support::{CALLER, SERVER, ms};

#[rpc_service]
trait Numbers {
    async fn sum(&self, numbers: Inflow<u64>) -> Result<u64, String>;
    async fn two(&self) -> Outflow<u64>;
    #[rpc(at_most_once)]
    fn large(&self) -> String;
}

struct Sums;

impl Numbers for Sums {
    async fn sum(&self, mut numbers: Inflow<u64>) -> Result<u64, String> {
        let mut sum = 0;
        while let Some(number) = numbers.recv().await.map_err(|end| format!("{end:?}"))? {
            sum += number;
        }
        Ok(sum)
    }

    async fn two(&self) -> Outflow<u64> {
        let (sender, items) = Outflow::channel(3);
        sender.send(1).await.unwrap();
        sender.send(2).await.unwrap();
        sender.finish().await.unwrap();
        items
    }

    fn large(&self) -> String {
        "x".repeat((2 << 20) + 1)
    }
}

/// A peer that writes what it likes.
struct RawPeer {
    node: Node,
    links: Links,
    events: Vec<LinkEvent>,
}

impl RawPeer {
    fn new(network: &Network, addr: &str, key: u8) -> Self {
        let links = Links::new(&identity(key), LinkOptions::default(), Instant::now().into_std(), [key; 32]);
        Self { node: network.bind(addr).unwrap(), links, events: Vec::new() }
    }

    /// Exchanges datagrams for some time.
    async fn run(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let now = Instant::now().into_std();
            self.links.flush(now, |datagram| {
                let rpcudp_secure::Outgoing { destination, source, contents, .. } = datagram;
                self.node.try_send(Datagram { destination, source, contents }).unwrap();
            });
            let mut batch = ReceiveBatch::new();
            let Self { node, links, .. } = self;
            let received = poll_fn(|cx| match node.poll_receive(cx, &mut batch) {
                Poll::Ready(received) => Poll::Ready(received.is_ok()),
                Poll::Pending => Poll::Pending,
            });
            if timeout(ms(5), received).await.unwrap_or(false) {
                let now = Instant::now().into_std();
                batch.iter().for_each(|received| links.handle(now, received.source, None, received.contents));
            }
            let now = Instant::now().into_std();
            if links.deadline().is_some_and(|at| at <= now) {
                links.handle_timeout(now);
            }
            self.events.extend(std::iter::from_fn(|| links.poll()));
        }
    }

    async fn connect(&mut self, server: &Endpoint) -> LinkId {
        let now = Instant::now().into_std();
        let link = self.links.connect(now, server.local_addr(), AnyPeer.into()).unwrap();
        self.run(ms(200)).await;
        link
    }

    /// Opens a stream, writes the bytes, and returns those that come back.
    async fn exchange(&mut self, link: LinkId, bytes: &[u8], finishes: bool) -> (Vec<u8>, StreamRead) {
        let now = Instant::now().into_std();
        let stream = self.links.open_stream(now, link).unwrap();
        self.links.write_stream(now, stream, &mut bytes.to_vec().into()).unwrap();
        if finishes {
            self.links.finish_stream(now, stream);
        }
        self.run(ms(500)).await;
        self.read(stream)
    }

    fn read(&mut self, stream: LinkStream) -> (Vec<u8>, StreamRead) {
        let mut bytes = Vec::new();
        loop {
            match self.links.read_stream(Instant::now().into_std(), stream, 10_000) {
                StreamRead::Chunk(chunk) => bytes.extend_from_slice(&chunk),
                end => return (bytes, end),
            }
        }
    }

    fn has_link(&self) -> bool {
        self.links.stats().up == 1
    }
}

/// Returns a frame of a stream.
fn framed(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_be_bytes()[..], frame].concat()
}

/// Returns a request without arguments.
fn request(method: &str) -> Vec<u8> {
    let mut request = vec![0; 21];
    request.extend_from_slice(&[0x92, 0xa0 | method.len() as u8]);
    request.extend_from_slice(method.as_bytes());
    request.push(0x90);
    request
}

fn server(network: &Network) -> Endpoint {
    bind(network, SERVER, builder(1, &Runs::default()).serve(NumbersServer::new(Sums)))
}

#[tokio::test(start_paused = true)]
async fn streams_without_a_request_are_given_up() {
    let network = Network::new(1);
    let server = server(&network);
    let mut raw = RawPeer::new(&network, CALLER, 2);
    let link = raw.connect(&server).await;
    let response = [&[1][..], &[0; 20], &[0xc0]].concat();
    let cancel = [&[5][..], &[0; 20], &[0xc0]].concat();
    let garbage = framed(b"garbage that is no frame of the wire");
    let heads = [&[0xff; 100][..], &[0, 0, 0x44, 1], &framed(&response), &framed(&cancel), &garbage, b"\x80\0\0\0"];
    for head in heads {
        let (bytes, end) = raw.exchange(link, head, false).await;
        assert_eq!((bytes, end), (Vec::new(), StreamRead::Reset(LinkStream::MALFORMED)), "{head:?}");
    }
    // The end is missing.
    let (bytes, end) = raw.exchange(link, &framed(&request("two"))[..20], true).await;
    assert_eq!((bytes, end), (Vec::new(), StreamRead::Reset(LinkStream::MALFORMED)));
    let (bytes, end) = raw.exchange(link, b"", true).await;
    assert_eq!((bytes, end), (Vec::new(), StreamRead::Reset(LinkStream::MALFORMED)));
    // No link has ended, and the next request is served.
    let (bytes, end) = raw.exchange(link, &framed(&request("two")), true).await;
    let items = [&framed(&response)[..], b"\0\0\0\x01\x01\0\0\0\x01\x02\x80\0\0\0"].concat();
    assert_eq!((bytes, end), (items, StreamRead::Finished));
    assert!(raw.has_link());
}

#[tokio::test(start_paused = true)]
async fn items_that_break_the_protocol_end_their_stream() {
    let network = Network::new(1);
    let server = server(&network);
    let mut raw = RawPeer::new(&network, CALLER, 2);
    let link = raw.connect(&server).await;
    let item = framed(&[1]);
    for (items, finishes, end) in [
        (&b"\x7f\xff\xff\xff"[..], false, "Malformed"),
        (b"\0\x10\0\x01", false, "Malformed"),
        (b"\0\0\0\x02\x01\x02", false, "Decode"),
        (b"\0\0\0\x00", false, "Decode"),
        (b"\0\0\0\x02hi", false, "Decode"),
        (b"\0\0\0\x09abc", true, "Malformed"),
        (b"", true, "Malformed"),
        (b"\x80\0\0\x01\xc0", false, "Decode"),
        (b"\xc0\0\0\0", false, "Cancelled"),
        (b"\xc0\0\0\x01", false, "Malformed"),
    ] {
        let bytes = [&framed(&request("sum"))[..], &item, items].concat();
        let (response, read) = raw.exchange(link, &bytes, finishes).await;
        assert_eq!(read, StreamRead::Finished, "{items:?}");
        let text = String::from_utf8_lossy(&response);
        assert!(text.contains(end), "{items:?}: {text:?}");
    }
    // Bytes after the end are not read.
    let bytes = [&framed(&request("sum"))[..], &item, b"\x80\0\0\0", &item].concat();
    let (response, read) = raw.exchange(link, &bytes, false).await;
    assert!(response.ends_with(&[1]) && read == StreamRead::Finished, "{response:?}");
    assert!(raw.has_link());
}

#[tokio::test(start_paused = true)]
async fn stream_is_reset_while_its_method_runs() {
    let network = Network::new(1);
    let server = server(&network);
    let mut raw = RawPeer::new(&network, CALLER, 2);
    let link = raw.connect(&server).await;
    for _ in 0..200 {
        let now = Instant::now().into_std();
        let stream = raw.links.open_stream(now, link).unwrap();
        raw.links.write_stream(now, stream, &mut framed(&request("sum")).into()).unwrap();
        raw.links.reset_stream(now, stream, 7);
        raw.links.stop_stream(now, stream, 7);
        raw.run(ms(20)).await;
    }
    let (bytes, _) = raw.exchange(link, &framed(&request("two")), true).await;
    assert!(!bytes.is_empty() && raw.has_link());
}

/// A peer asks for large responses on many streams, and reads none.
#[tokio::test(start_paused = true)]
async fn responses_on_streams_that_are_not_read_are_bounded() {
    const MIB: usize = 1 << 20;
    let network = Network::new(1);
    // A quarter for the peer is 2 MiB.
    let options = LinkOptions::default().max_message_len(MIB).message_memory(8 * MIB);
    let server = bind(&network, SERVER, builder(1, &Runs::default()).link_options(options));
    let mut raw = RawPeer::new(&network, CALLER, 2);
    let link = raw.connect(&server).await;
    let len: u32 = 900_000;
    for _ in 0..2 {
        let mut streams = Vec::new();
        for number in 0..20 {
            // `padded(number, 0, len)`
            let mut request = request("padded");
            let arguments = [&[0x93, number, 0, 0xce][..], &len.to_be_bytes()].concat();
            request.splice(request.len() - 1.., arguments);
            let stream = raw.links.open_stream(Instant::now().into_std(), link).unwrap();
            write(&mut raw, stream, framed(&request));
            streams.push((stream, Vec::new(), StreamRead::Blocked));
            raw.run(ms(50)).await;
        }
        raw.run(ms(500)).await;
        // Also those that the server gave up before the peer reads.
        for _ in 0..100 {
            for (stream, bytes, end) in &mut streams {
                if *end == StreamRead::Blocked {
                    let (read, now_end) = raw.read(*stream);
                    bytes.extend(read);
                    *end = now_end;
                }
            }
            raw.run(ms(50)).await;
        }
        let full = streams.iter().filter(|(_, bytes, end)| *end == StreamRead::Finished && bytes.len() > len as usize);
        let reset =
            streams.iter().filter(|(_, bytes, end)| *end == StreamRead::Reset(LinkStream::DROPPED) && bytes.is_empty());
        let counts = (full.count(), reset.count());
        // Some in the window of the link, and two that wait.
        assert!((2..6).contains(&counts.0) && counts.0 + counts.1 == 20, "{counts:?}");
        assert_eq!(server.link_stats().unsent_bytes, 0);
    }
    assert!(server.stats().dropped(rpcudp::DropReason::SendQueueFull) > 20);
}

/// The response to the first request, in a frame, is stored and too long for a stream.
#[tokio::test(start_paused = true)]
async fn stored_response_that_is_too_long_for_a_stream_is_not_sent_on_one() {
    let network = Network::new(1);
    let server = server(&network);
    let mut raw = RawPeer::new(&network, CALLER, 2);
    let link = raw.connect(&server).await;
    raw.links.send(Instant::now().into_std(), link, request("large")).unwrap();
    raw.run(ms(3_000)).await;
    let response = raw.events.drain(..).find_map(|event| match event {
        LinkEvent::Frame { frame, .. } => Some(frame),
        _ => None,
    });
    assert!(response.unwrap().len() > 2 << 20);
    let (bytes, end) = raw.exchange(link, &framed(&request("large")), false).await;
    assert_eq!((bytes.len(), end), (0, StreamRead::Reset(LinkStream::DROPPED)));
}

#[tokio::test(start_paused = true)]
async fn duplicate_of_a_running_request_is_dropped_with_its_stream() {
    let network = Network::new(1);
    let server = server(&network);
    let mut raw = RawPeer::new(&network, CALLER, 2);
    let link = raw.connect(&server).await;
    let now = Instant::now().into_std();
    let first = raw.links.open_stream(now, link).unwrap();
    // `once_slowly(9, 5_000)` is at-most-once.
    let mut request = request("once_slowly");
    request.splice(request.len() - 1.., [0x92, 9, 0xcd, 0x13, 0x88]);
    write(&mut raw, first, framed(&request));
    raw.run(ms(100)).await;
    for _ in 0..3 {
        let (bytes, end) = raw.exchange(link, &framed(&request), false).await;
        assert_eq!((bytes, end), (Vec::new(), StreamRead::Reset(LinkStream::DROPPED)));
    }
    raw.run(ms(5_000)).await;
    let response = framed(&[&[1][..], &[0; 20], &[9]].concat());
    assert_eq!(raw.read(first), (response.clone(), StreamRead::Finished));
    // The stored response.
    assert_eq!(raw.exchange(link, &framed(&request), false).await, (response, StreamRead::Finished));
    assert_eq!(server.stats().dropped(rpcudp::DropReason::DuplicateRequest), 3);
}

/// The called peer answers a request with bytes of its choice.
#[tokio::test(start_paused = true)]
async fn caller_survives_what_a_peer_sends_as_a_response() {
    let network = Network::new(1);
    let mut raw = RawPeer::new(&network, SERVER, 1);
    let caller = bind(&network, CALLER, builder(2, &Runs::default()));
    let numbers = NumbersClient::secure(&caller, SERVER.parse().unwrap(), peer(1));
    for (after_head, end) in [
        (&b"\0\0\0\x01\x01\x80\0\0\0"[..], "Ok([1])"),
        (b"\xff\xff\xff\xff", "Malformed"),
        (b"\0\0\0\x01\xc1", "Decode"),
        (b"\0\0\0\x05\x01", "Malformed"),
    ] {
        let call = tokio::spawn(numbers_read(numbers.two()));
        raw.run(ms(200)).await;
        let opened = raw.events.drain(..).find_map(|event| match event {
            LinkEvent::Stream { stream } => Some(stream),
            _ => None,
        });
        let stream = opened.unwrap();
        let (request, _) = raw.read(stream);
        // The response has the id of the request.
        let response = [&[1][..], &request[5..25], &[0xc0]].concat();
        let mut bytes = [&framed(&response)[..], after_head].concat().into();
        let now = Instant::now().into_std();
        raw.links.write_stream(now, stream, &mut bytes).unwrap();
        raw.links.finish_stream(now, stream);
        raw.run(ms(200)).await;
        raw.events.clear();
        let read = call.await.unwrap();
        assert!(read.contains(end), "{after_head:?}: {read}");
    }
}

/// Takes the stream of a call that has arrived at the called peer.
async fn accept(raw: &mut RawPeer) -> (LinkStream, Vec<u8>) {
    raw.run(ms(200)).await;
    let opened = raw.events.drain(..).find_map(|event| match event {
        LinkEvent::Stream { stream } => Some(stream),
        _ => None,
    });
    let stream = opened.unwrap();
    let (request, _) = raw.read(stream);
    // The response has the id of the request.
    (stream, [&[1][..], &request[5..25], &[0xc0]].concat())
}

fn write(raw: &mut RawPeer, stream: LinkStream, bytes: Vec<u8>) {
    raw.links.write_stream(Instant::now().into_std(), stream, &mut bytes.into()).unwrap();
}

/// The called peer sends the response besides the stream of its call, and then ends that stream.
#[tokio::test(start_paused = true)]
async fn response_besides_the_stream_of_its_call_is_dropped() {
    let network = Network::new(1);
    let mut raw = RawPeer::new(&network, SERVER, 1);
    let caller = bind(&network, CALLER, builder(2, &Runs::default()));
    let numbers = NumbersClient::secure(&caller, SERVER.parse().unwrap(), peer(1));
    for ends in ["reset", "finished", "cancelled", "request"] {
        let call = tokio::spawn(numbers_read(numbers.two()));
        let (stream, response) = accept(&mut raw).await;
        let now = Instant::now().into_std();
        raw.links.send(now, stream.link, response).unwrap();
        raw.run(ms(200)).await;
        assert!(!call.is_finished(), "{ends}");
        let now = Instant::now().into_std();
        match ends {
            "reset" => raw.links.reset_stream(now, stream, 7),
            "finished" => raw.links.finish_stream(now, stream),
            "cancelled" => write(&mut raw, stream, b"\x80\0\0\0".to_vec()),
            _ => write(&mut raw, stream, framed(&request("two"))),
        }
        raw.run(ms(200)).await;
        assert!(call.is_finished(), "{ends}");
        assert!(call.await.unwrap().contains("link"), "{ends}");
        raw.events.clear();
    }
    assert_eq!(caller.stats().dropped(rpcudp::DropReason::WrongSource), 4);
}

/// The called peer sends the response of one call on the stream of another.
#[tokio::test(start_paused = true)]
async fn first_frame_that_is_not_the_response_of_its_call_ends_the_call() {
    let network = Network::new(1);
    let mut raw = RawPeer::new(&network, SERVER, 1);
    let caller = bind(&network, CALLER, builder(2, &Runs::default()));
    let numbers = NumbersClient::secure(&caller, SERVER.parse().unwrap(), peer(1));
    let first = tokio::spawn(numbers_read(numbers.two()));
    let (first_stream, first_response) = accept(&mut raw).await;
    for (kind, is_own) in [(1, false), (5, true), (6, true), (9, true)] {
        let call = tokio::spawn(numbers_read(numbers.two()));
        let (stream, mut response) = accept(&mut raw).await;
        if !is_own {
            response.clone_from(&first_response);
        }
        response[0] = kind;
        write(&mut raw, stream, framed(&response));
        raw.run(ms(200)).await;
        assert!(call.is_finished(), "{kind}");
        assert!(call.await.unwrap().contains("link"), "{kind}");
        raw.events.clear();
    }
    assert!(!first.is_finished());
    write(&mut raw, first_stream, [&framed(&first_response)[..], b"\0\0\0\x01\x01\x80\0\0\0"].concat());
    raw.run(ms(200)).await;
    assert_eq!(first.await.unwrap(), "Ok([1])");
}

async fn numbers_read(call: Call<Inflow<u64>>) -> String {
    let mut items = match call.await {
        Ok(items) => items,
        Err(error) => return error.to_string(),
    };
    let mut read = Vec::new();
    loop {
        match items.recv().await {
            Ok(Some(item)) => read.push(item),
            Ok(None) => return format!("Ok({read:?})"),
            Err(end @ InflowError::Link(_)) => panic!("{end}"),
            Err(end) => return format!("{end:?}"),
        }
        sleep(ms(1)).await;
    }
}

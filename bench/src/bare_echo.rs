//! The least that anyone would write to get an answer over tokio's UDP socket.
//!
//! One datagram for each system call, no encoding, no timeout: a lost datagram leaves its task waiting for good.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

use rpcudp::transport::UdpOptions;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::caller::{Caller, Fault, Payload};

const PAYLOAD_LEN: usize = size_of::<Payload>();

/// The caller's number and the call's, four bytes each.
const HEADER_LEN: usize = 8;

type Datagram = [u8; HEADER_LEN + PAYLOAD_LEN];

/// The only one that calls: a task that sends and receives on a socket of its own, so that there is nothing to tell
/// apart.
#[derive(Debug)]
pub(crate) struct LoneCaller {
    socket: UdpSocket,
    server: SocketAddr,
}

/// A server, and a socket that calls it.
///
/// # Errors
///
/// Where they cannot be bound.
pub(crate) async fn lone_caller() -> Result<LoneCaller, Fault> {
    Ok(LoneCaller { socket: socket()?, server: serve()? })
}

impl Caller for LoneCaller {
    async fn call(&mut self, payload: &Payload) -> Result<impl AsRef<[u8]> + Send, Fault> {
        self.socket.send_to(payload, self.server).await?;
        let mut answer = Payload::default();
        loop {
            let (len, sender) = self.socket.recv_from(&mut answer).await?;
            if (len, sender) == (PAYLOAD_LEN, self.server) {
                return Ok(answer);
            }
        }
    }
}

/// One of many that call: each has a slot, and its requests and their answers carry the slot's number.
#[derive(Debug)]
pub(crate) struct SlotCaller {
    client: Arc<Client>,
    number: u32,
    count: u32,
}

/// The socket that many call through.
#[derive(Debug)]
struct Client {
    socket: UdpSocket,
    server: SocketAddr,
    slots: Vec<Mutex<Slot>>,
}

/// Where a caller and the task that receives meet.
#[derive(Debug, Default)]
enum Slot {
    #[default]
    Idle,
    Waits {
        count: u32,
        waker: Option<Waker>,
    },
    Answered(Payload),
}

/// A server, a socket, a task that receives from it, and so many that call through it.
///
/// # Errors
///
/// Where the sockets cannot be bound.
pub(crate) async fn callers(count: usize) -> Result<Vec<SlotCaller>, Fault> {
    let slots = (0..count).map(|_| Mutex::default()).collect();
    let client = Arc::new(Client { socket: socket()?, server: serve()?, slots });
    tokio::spawn(hand_out(Arc::clone(&client)));
    Ok((0..).take(count).map(|number| SlotCaller { client: Arc::clone(&client), number, count: 0 }).collect())
}

impl Caller for SlotCaller {
    async fn call(&mut self, payload: &Payload) -> Result<impl AsRef<[u8]> + Send, Fault> {
        let Self { client, number, count } = self;
        let (number, count) = (*number, mem::replace(count, count.wrapping_add(1)));
        *client.slot(number) = Slot::Waits { count, waker: None };

        let mut datagram: Datagram = [0; HEADER_LEN + PAYLOAD_LEN];
        datagram[..4].copy_from_slice(&number.to_be_bytes());
        datagram[4..HEADER_LEN].copy_from_slice(&count.to_be_bytes());
        datagram[HEADER_LEN..].copy_from_slice(payload);
        client.socket.send_to(&datagram, client.server).await?;

        Ok(poll_fn(|cx| {
            let mut slot = client.slot(number);
            match mem::take(&mut *slot) {
                Slot::Answered(answer) => Poll::Ready(answer),
                Slot::Waits { .. } | Slot::Idle => {
                    *slot = Slot::Waits { count, waker: Some(cx.waker().clone()) };
                    Poll::Pending
                }
            }
        })
        .await)
    }
}

impl Client {
    fn slot(&self, number: u32) -> MutexGuard<'_, Slot> {
        self.slots[number as usize].lock().expect("nothing panics while a slot is locked")
    }

    /// Gives an answer to the one that waits for it; any other datagram is dropped.
    fn answer(&self, datagram: &Datagram) {
        let (number, rest) = datagram.split_first_chunk().expect("a datagram is longer than a number");
        let (answered, answer) = rest.split_first_chunk().expect("a header has two numbers");
        let number = u32::from_be_bytes(*number);
        if number as usize >= self.slots.len() {
            return;
        }
        let mut slot = self.slot(number);
        let Slot::Waits { count, waker } = &mut *slot else { return };
        if *count != u32::from_be_bytes(*answered) {
            return;
        }
        let waker = waker.take();
        *slot = Slot::Answered(answer.try_into().expect("a payload comes after the header"));
        drop(slot);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

async fn hand_out(client: Arc<Client>) {
    let mut datagram: Datagram = [0; HEADER_LEN + PAYLOAD_LEN];
    loop {
        match client.socket.recv_from(&mut datagram).await {
            Ok((len, sender)) if len == datagram.len() && sender == client.server => client.answer(&datagram),
            Ok(_) => {}
            Err(error) => eprintln!("the bare client cannot receive: {error}"),
        }
    }
}

/// Starts a server, which sends back whatever comes until its runtime ends.
fn serve() -> io::Result<SocketAddr> {
    let socket = socket()?;
    let addr = socket.local_addr()?;
    tokio::spawn(async move {
        let mut datagram = [0; 2048];
        loop {
            let echoed = match socket.recv_from(&mut datagram).await {
                Ok((len, sender)) => socket.send_to(&datagram[..len], sender).await,
                Err(error) => Err(error),
            };
            if let Err(error) = echoed {
                eprintln!("the bare server cannot echo: {error}");
            }
        }
    });
    Ok(addr)
}

/// A socket on loopback with the buffers that rpcudp's have, and not connected, as rpcudp's are not.
fn socket() -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(UdpOptions::DEFAULT_BUFFER_LEN)?;
    socket.set_send_buffer_size(UdpOptions::DEFAULT_BUFFER_LEN)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    UdpSocket::from_std(socket.into())
}

//! The least that anyone would write to get an answer over tokio's UDP socket.
//!
//! One datagram for each system call, no encoding, no timeout: a lost datagram leaves its task waiting for good.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

use tokio::net::UdpSocket;

use crate::measuring::{BoxError, Caller, loopback_socket};

/// The caller's number and the call's, four bytes each.
const HEADER_LEN: usize = 8;

/// More than UDP carries.
const BUFFER_LEN: usize = 1 << 16;

/// The only one that calls: a task that sends and receives on a socket of its own, so that there is nothing to tell
/// apart.
#[derive(Debug)]
pub(crate) struct SingleCaller {
    socket: UdpSocket,
    server: SocketAddr,
    response: Vec<u8>,
}

/// A server, and a socket that calls it.
///
/// # Errors
///
/// Where they cannot be bound.
pub(crate) async fn single_caller(size: usize) -> Result<Vec<SingleCaller>, BoxError> {
    Ok(vec![SingleCaller { socket: socket()?, server: serve()?, response: vec![0; size] }])
}

impl Caller for SingleCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        self.socket.send_to(payload, self.server).await?;
        loop {
            let (len, sender) = self.socket.recv_from(&mut self.response).await?;
            if sender == self.server {
                return Ok(&self.response[..len]);
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
    datagram: Vec<u8>,
    response: Vec<u8>,
}

/// The socket that many call through.
#[derive(Debug)]
struct Client {
    socket: UdpSocket,
    server: SocketAddr,
    slots: Vec<Mutex<Slot>>,
}

/// Where a caller and the task that receives meet. The caller swaps the answer for its last one: nothing is allocated.
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

/// A server, a socket, a task that receives from it, and so many that call through it.
///
/// # Errors
///
/// Where the sockets cannot be bound.
pub(crate) async fn callers(count: usize, size: usize) -> Result<Vec<SlotCaller>, BoxError> {
    let slots = (0..count).map(|_| Mutex::default()).collect();
    let client = Arc::new(Client { socket: socket()?, server: serve()?, slots });
    tokio::spawn(dispatch_responses(Arc::clone(&client)));
    let caller = |number| SlotCaller {
        client: Arc::clone(&client),
        number,
        count: 0,
        datagram: vec![0; HEADER_LEN + size],
        response: Vec::with_capacity(size),
    };
    Ok((0..).take(count).map(caller).collect())
}

impl Caller for SlotCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        let Self { client, number, count, datagram, response } = self;
        let (number, count) = (*number, mem::replace(count, count.wrapping_add(1)));
        client.slot(number).state = State::Waiting { count, waker: None };

        datagram[..4].copy_from_slice(&number.to_be_bytes());
        datagram[4..HEADER_LEN].copy_from_slice(&count.to_be_bytes());
        datagram[HEADER_LEN..].copy_from_slice(payload);
        client.socket.send_to(datagram, client.server).await?;

        poll_fn(|cx| {
            let mut slot = client.slot(number);
            if matches!(slot.state, State::Completed) {
                slot.state = State::Idle;
                mem::swap(&mut slot.response, response);
                return Poll::Ready(());
            }
            slot.state = State::Waiting { count, waker: Some(cx.waker().clone()) };
            Poll::Pending
        })
        .await;
        Ok(response)
    }
}

impl Client {
    fn slot(&self, number: u32) -> MutexGuard<'_, Slot> {
        self.slots[number as usize].lock().expect("nothing panics while a slot is locked")
    }

    /// Gives an answer to the one that waits for it; any other datagram is dropped.
    fn complete(&self, datagram: &[u8]) {
        let Some((number, rest)) = datagram.split_first_chunk() else { return };
        let Some((call_number, response)) = rest.split_first_chunk() else { return };
        let number = u32::from_be_bytes(*number);
        if number as usize >= self.slots.len() {
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
}

async fn dispatch_responses(client: Arc<Client>) {
    let mut datagram = vec![0; BUFFER_LEN];
    loop {
        match client.socket.recv_from(&mut datagram).await {
            Ok((len, sender)) if sender == client.server => client.complete(&datagram[..len]),
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
        let mut datagram = vec![0; BUFFER_LEN];
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

fn socket() -> io::Result<UdpSocket> {
    let socket = loopback_socket()?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

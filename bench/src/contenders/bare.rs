//! The minimal request and response over tokio's UDP socket.
//!
//! One datagram per system call, no encoding, no timeout: the task of a lost datagram never ends.

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;

use super::slots::Slots;
use crate::measuring::{BoxError, Caller, loopback_socket_at};

/// The length of a receive buffer: more than a UDP datagram carries.
const BUFFER_LEN: usize = 1 << 16;

/// A caller with a socket of its own, on which it sends and receives. It needs no slots, because it
/// has one call at a time.
#[derive(Debug)]
pub(crate) struct SingleCaller {
    socket: UdpSocket,
    server: SocketAddr,
    response: Vec<u8>,
}

/// Starts a server, and returns one caller.
///
/// # Errors
///
/// Returns an error if a socket cannot be bound.
pub(crate) async fn single_caller(size: usize) -> Result<Vec<SingleCaller>, BoxError> {
    Ok(vec![SingleCaller {
        socket: socket(Ipv4Addr::LOCALHOST)?,
        server: serve(Ipv4Addr::LOCALHOST)?,
        response: vec![0; size],
    }])
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

/// A caller that shares its socket with others. Its requests and their responses carry the number
/// of its slot.
#[derive(Debug)]
pub(crate) struct SlotCaller {
    client: Arc<Client>,
    number: u32,
    count: u32,
    /// The index of the next call's peer, and the number of callers between which the peers are
    /// divided.
    next_peer: usize,
    caller_count: usize,
    datagram: Vec<u8>,
    response: Vec<u8>,
}

/// The socket that the callers share.
#[derive(Debug)]
struct Client {
    socket: UdpSocket,
    /// The addresses of the server.
    peers: Vec<SocketAddr>,
    slots: Slots,
}

/// Starts a server and a task that receives responses, and returns callers that share a socket and
/// call the addresses of the server in turn.
///
/// The server responds from any of its addresses, because tokio does not report the address that a
/// datagram was sent to.
///
/// # Errors
///
/// Returns an error if a socket cannot be bound.
pub(crate) async fn callers(count: usize, size: usize, peers: Vec<Ipv4Addr>) -> Result<Vec<SlotCaller>, BoxError> {
    let is_localhost = peers == [Ipv4Addr::LOCALHOST];
    let port = serve(if is_localhost { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED })?.port();
    let peers = peers.into_iter().map(|ip| (ip, port).into()).collect();
    let client = Arc::new(Client { socket: socket(Ipv4Addr::LOCALHOST)?, peers, slots: Slots::new(count) });
    tokio::spawn(dispatch_responses(Arc::clone(&client)));
    let caller = |number| SlotCaller {
        client: Arc::clone(&client),
        number,
        count: 0,
        next_peer: number as usize,
        caller_count: count,
        datagram: vec![0; Slots::HEADER_LEN + size],
        response: Vec::with_capacity(size),
    };
    Ok((0..).take(count).map(caller).collect())
}

impl Caller for SlotCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        let Self { client, number, count, next_peer, caller_count, datagram, response } = self;
        let (number, count) = (*number, mem::replace(count, count.wrapping_add(1)));
        client.slots.begin(number, count);

        datagram[..Slots::HEADER_LEN].copy_from_slice(&Slots::header(number, count));
        datagram[Slots::HEADER_LEN..].copy_from_slice(payload);
        client.socket.send_to(datagram, client.peers[*next_peer % client.peers.len()]).await?;
        *next_peer += *caller_count;

        client.slots.completion(number, count, response).await;
        Ok(response)
    }
}

/// Receives responses until the runtime ends, and completes their calls.
async fn dispatch_responses(client: Arc<Client>) {
    let mut datagram = vec![0; BUFFER_LEN];
    loop {
        match client.socket.recv_from(&mut datagram).await {
            Ok((len, sender)) if sender.port() == client.peers[0].port() => client.slots.complete(&datagram[..len]),
            Ok(_) => {}
            Err(error) => eprintln!("the bare client cannot receive: {error}"),
        }
    }
}

/// Starts a server that echoes every datagram until its runtime ends.
fn serve(ip: Ipv4Addr) -> io::Result<SocketAddr> {
    let socket = socket(ip)?;
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

fn socket(ip: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = loopback_socket_at(ip)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

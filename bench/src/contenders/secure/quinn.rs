//! quinn without an RPC framework, with default settings: one DATAGRAM frame for each request and
//! response, matched by a number in it, or a stream for each call.

use std::mem;
use std::sync::Arc;

use prost::bytes::{BufMut, BytesMut};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, RecvStream, SendStream, ServerConfig, TokioRuntime};

use super::tls::{NAME, Tls};
use crate::contenders::slots::Slots;
use crate::measuring::{BoxError, Caller, loopback_socket};

/// The longest message on a stream.
const MAX_LEN: usize = 16 << 20;

/// A caller that sends DATAGRAM frames on a connection that it shares with others.
#[derive(Debug)]
pub(crate) struct DatagramCaller {
    client: Client,
    slots: Arc<Slots>,
    number: u32,
    count: u32,
    response: Vec<u8>,
}

/// A caller that opens a stream for each call.
#[derive(Debug)]
pub(crate) struct StreamCaller(Client);

/// A connection, and the endpoints that it needs.
#[derive(Clone, Debug)]
struct Client {
    connection: Connection,
    _endpoints: [Endpoint; 2],
}

/// Starts a server that echoes DATAGRAM frames, and returns callers that share a connection. A task
/// passes the responses to them.
///
/// # Errors
///
/// Returns an error if the connection cannot be opened.
pub(crate) async fn datagram_callers(count: usize) -> Result<Vec<DatagramCaller>, BoxError> {
    let (client, accepted) = connect().await?;
    tokio::spawn(async move {
        while let Ok(datagram) = accepted.read_datagram().await {
            if let Err(error) = accepted.send_datagram(datagram) {
                eprintln!("the server of quinn cannot echo: {error}");
            }
        }
    });
    let slots = Arc::new(Slots::new(count));
    let (connection, of_task) = (client.connection.clone(), Arc::clone(&slots));
    tokio::spawn(async move {
        while let Ok(datagram) = connection.read_datagram().await {
            of_task.complete(&datagram);
        }
    });
    let caller = |number| DatagramCaller {
        client: client.clone(),
        slots: Arc::clone(&slots),
        number,
        count: 0,
        response: Vec::new(),
    };
    Ok((0..).take(count).map(caller).collect())
}

/// Starts a server with a task for each stream, and returns callers that share a connection.
///
/// # Errors
///
/// Returns an error if the connection cannot be opened.
pub(crate) async fn stream_callers(count: usize) -> Result<Vec<StreamCaller>, BoxError> {
    let (client, accepted) = connect().await?;
    tokio::spawn(async move {
        while let Ok((send, receive)) = accepted.accept_bi().await {
            tokio::spawn(async move {
                if let Err(error) = echo(send, receive).await {
                    eprintln!("the server of quinn cannot echo: {error}");
                }
            });
        }
    });
    Ok((0..count).map(|_| StreamCaller(client.clone())).collect())
}

impl Caller for DatagramCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        let Self { client, slots, number, count, response } = self;
        let (number, count) = (*number, mem::replace(count, count.wrapping_add(1)));
        slots.begin(number, count);
        let mut datagram = BytesMut::with_capacity(Slots::HEADER_LEN + payload.len());
        datagram.put_slice(&Slots::header(number, count));
        datagram.put_slice(payload);
        client.connection.send_datagram(datagram.freeze())?;
        slots.completion(number, count, response).await;
        Ok(response)
    }
}

impl Caller for StreamCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        let (mut send, mut receive) = self.0.connection.open_bi().await?;
        send.write_all(payload).await?;
        send.finish()?;
        Ok(receive.read_to_end(MAX_LEN).await?)
    }
}

async fn echo(mut send: SendStream, mut receive: RecvStream) -> Result<(), BoxError> {
    let request = receive.read_to_end(MAX_LEN).await?;
    send.write_all(&request).await?;
    Ok(send.finish()?)
}

/// Opens a connection with mutual TLS, between sockets with buffers as large as rpcudp's. Returns
/// both ends of it.
async fn connect() -> Result<(Client, Connection), BoxError> {
    let tls = Tls::new()?;
    let server_config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls.server_config()?)?));
    let server = endpoint(Some(server_config))?;
    let mut client = endpoint(None)?;
    client.set_default_client_config(ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls.client_config()?)?)));
    let connecting = client.connect(server.local_addr()?, NAME)?;
    let accepting = async { Ok::<_, BoxError>(server.accept().await.ok_or("the server is closed")?.await?) };
    let (accepted, connection) = tokio::try_join!(accepting, async { Ok(connecting.await?) })?;
    Ok((Client { connection, _endpoints: [client, server] }, accepted))
}

fn endpoint(server: Option<ServerConfig>) -> Result<Endpoint, BoxError> {
    let socket = loopback_socket()?.into();
    Ok(Endpoint::new(EndpointConfig::default(), server, socket, Arc::new(TokioRuntime))?)
}

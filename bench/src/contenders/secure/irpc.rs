//! irpc over its QUIC, noq, with mutual TLS and default settings. It opens a stream for each call.

use std::sync::Arc;

use irpc::channel::oneshot;
use irpc::rpc::{Handler, RemoteService, listen};
use irpc::{Client, WithChannels, rpc_requests};
use noq::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use noq::{ClientConfig, Endpoint, EndpointConfig, ServerConfig, TokioRuntime};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::tls::Tls;
use crate::measuring::{BoxError, Caller, loopback_socket};

/// The service. Its argument is a `ByteBuf`, because serde handles a `Vec<u8>` byte by byte.
#[rpc_requests(message = EchoMessage, no_spans)]
#[derive(Debug, Deserialize, Serialize)]
enum EchoProtocol {
    #[rpc(tx = oneshot::Sender<ByteBuf>)]
    Echo(ByteBuf),
}

/// A caller that shares its connection with others.
#[derive(Clone, Debug)]
pub(crate) struct IrpcCaller(Client<EchoProtocol>);

/// Starts a server, and returns callers that share a connection. The first call opens it.
///
/// # Errors
///
/// Returns an error if a socket cannot be bound.
pub(crate) async fn callers(count: usize) -> Result<Vec<IrpcCaller>, BoxError> {
    let tls = Tls::new()?;
    let server_config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls.server_config()?)?));
    let server = endpoint(Some(server_config))?;
    let addr = server.local_addr()?;
    // Without a queue to a task: an echo waits for nothing.
    let handler: Handler<EchoProtocol> = Arc::new(|request, receive, send| {
        Box::pin(async move {
            let EchoMessage::Echo(WithChannels { inner, tx, .. }) = request.with_remote_channels(receive, send);
            tx.send(inner).await
        })
    });
    tokio::spawn(listen(server, handler));
    let client = endpoint(None)?;
    client.set_default_client_config(ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls.client_config()?)?)));
    Ok(vec![IrpcCaller(Client::noq(client, addr)); count])
}

impl Caller for IrpcCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        Ok(self.0.rpc(ByteBuf::from(payload)).await?.into_vec())
    }
}

fn endpoint(server: Option<ServerConfig>) -> Result<Endpoint, BoxError> {
    let socket = loopback_socket()?.into();
    Ok(Endpoint::new(EndpointConfig::default(), server, socket, Arc::new(TokioRuntime))?)
}

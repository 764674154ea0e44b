//! tonic: gRPC over HTTP/2, with TLS or without. Its generator writes the client and the server
//! (`build.rs`).

use prost::bytes::Bytes;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use self::generated::echo_client::EchoClient;
use self::generated::echo_server::{Echo, EchoServer};
use crate::measuring::{BUFFER_LEN, BoxError, Caller};

#[allow(
    clippy::allow_attributes_without_reason,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    reason = "tonic generates this code"
)]
pub(crate) mod generated {
    include!(concat!(env!("OUT_DIR"), "/bench.Echo.rs"));
}

/// The message. Its payload is `Bytes`, which are not copied out of the message.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Payload {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) bytes: Bytes,
}

#[derive(Debug)]
struct EchoService;

#[tonic::async_trait]
impl Echo for EchoService {
    async fn echo(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

/// A caller that shares its connection with others.
#[derive(Clone, Debug)]
pub(crate) struct TonicCaller(EchoClient<Channel>);

/// Starts a server and connects to it, and returns callers that share the connection.
///
/// The flow-control windows are as large as the buffers of the UDP sockets, and the maximum number
/// of streams is the number of calls: with the defaults, 512 calls would wait for each other.
///
/// # Errors
///
/// Returns an error if the connection cannot be opened.
pub(crate) async fn callers(count: usize) -> Result<Vec<TonicCaller>, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = Endpoint::try_from(format!("http://{}", listener.local_addr()?))?;
    connect(listener, Server::builder(), endpoint, count).await
}

/// Starts a server and connects to it over mutual TLS, and returns callers that share the
/// connection. The settings are those of [`callers`].
///
/// # Errors
///
/// Returns an error if the connection cannot be opened.
#[cfg(feature = "secure-contenders")]
pub(crate) async fn callers_over_tls(count: usize) -> Result<Vec<TonicCaller>, BoxError> {
    use tonic::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};

    use super::secure::tls::{NAME, Tls};

    Tls::install_provider();
    let tls = Tls::new()?;
    let [(server, server_key), (client, client_key)] = [tls.server.pem(), tls.client.pem()];
    let server_config = ServerTlsConfig::new()
        .identity(Identity::from_pem(&server, server_key))
        .client_ca_root(Certificate::from_pem(&client));
    let client_config = ClientTlsConfig::new()
        .domain_name(NAME)
        .ca_certificate(Certificate::from_pem(server))
        .identity(Identity::from_pem(client, client_key));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = Endpoint::try_from(format!("https://{}", listener.local_addr()?))?.tls_config(client_config)?;
    connect(listener, Server::builder().tls_config(server_config)?, endpoint, count).await
}

async fn connect(
    listener: TcpListener,
    server: Server,
    endpoint: Endpoint,
    count: usize,
) -> Result<Vec<TonicCaller>, BoxError> {
    let window = BUFFER_LEN as u32;
    let server = server
        .max_concurrent_streams(u32::try_from(count)?)
        .initial_connection_window_size(window)
        .initial_stream_window_size(window)
        .add_service(EchoServer::new(EchoService));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true))));
    let endpoint = endpoint.tcp_nodelay(true).initial_connection_window_size(window).initial_stream_window_size(window);
    Ok(vec![TonicCaller(EchoClient::new(endpoint.connect().await?)); count])
}

impl Caller for TonicCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        Ok(self.0.echo(Payload { bytes: Bytes::copy_from_slice(payload) }).await?.into_inner().bytes)
    }
}

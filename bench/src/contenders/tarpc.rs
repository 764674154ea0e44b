//! tarpc over TCP with bincode, length-delimited frames, `TCP_NODELAY` on both ends, and default
//! settings; with TLS or without.

use futures_util::StreamExt;
use serde_bytes::ByteBuf;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::{Framed, LengthDelimitedCodec};
use tarpc::{ClientMessage, Response, Transport, client, context, serde_transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::measuring::{BoxError, Caller};

/// The service. Its argument is a `ByteBuf`, because serde handles a `Vec<u8>` byte by byte.
#[tarpc::service]
trait Echo {
    async fn echo(bytes: ByteBuf) -> ByteBuf;
}

#[derive(Clone, Copy, Debug)]
struct EchoService;

impl Echo for EchoService {
    async fn echo(self, _: context::Context, bytes: ByteBuf) -> ByteBuf {
        bytes
    }
}

/// A caller that shares its connection with others.
#[derive(Clone, Debug)]
pub(crate) struct TarpcCaller(EchoClient);

/// Starts a server and connects to it, and returns callers that share the connection.
///
/// # Errors
///
/// Returns an error if the connection cannot be opened.
pub(crate) async fn callers(count: usize) -> Result<Vec<TarpcCaller>, BoxError> {
    let (stream, accepted) = connect().await?;
    Ok(callers_on(stream, accepted, count))
}

/// Starts a server and connects to it over mutual TLS, and returns callers that share the
/// connection.
///
/// # Errors
///
/// Returns an error if the connection cannot be opened.
#[cfg(feature = "secure-contenders")]
pub(crate) async fn callers_over_tls(count: usize) -> Result<Vec<TarpcCaller>, BoxError> {
    use std::sync::Arc;

    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::secure::tls::{NAME, Tls};

    let tls = Tls::new()?;
    let connector = TlsConnector::from(Arc::new(tls.client_config()?));
    let acceptor = TlsAcceptor::from(Arc::new(tls.server_config()?));
    let (stream, accepted) = connect().await?;
    let (stream, accepted) = tokio::try_join!(connector.connect(NAME.try_into()?, stream), acceptor.accept(accepted))?;
    Ok(callers_on(stream, accepted, count))
}

/// Connects two sockets.
async fn connect() -> Result<(TcpStream, TcpStream), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    let (accepted, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    accepted.set_nodelay(true)?;
    Ok((stream, accepted))
}

/// Serves at one end of a connection, and returns callers at the other.
fn callers_on<S>(
    stream: S,
    accepted: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    count: usize,
) -> Vec<TarpcCaller>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    tokio::spawn(serve(server_end(accepted)));
    let client = EchoClient::new(client::Config::default(), client_end(stream)).spawn();
    vec![TarpcCaller(client); count]
}

async fn serve(transport: impl Transport<Response<EchoResponse>, ClientMessage<EchoRequest>> + Send + 'static) {
    let requests = BaseChannel::with_defaults(transport).execute(EchoService.serve());
    requests.for_each(async |request| drop(tokio::spawn(request))).await;
}

impl Caller for TarpcCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        let echoed = self.0.echo(context::current(), ByteBuf::from(payload)).await?;
        Ok(echoed.into_vec())
    }
}

fn server_end(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> impl Transport<Response<EchoResponse>, ClientMessage<EchoRequest>> {
    serde_transport::new(framed(stream), Bincode::default())
}

fn client_end(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> impl Transport<ClientMessage<EchoRequest>, Response<EchoResponse>> {
    serde_transport::new(framed(stream), Bincode::default())
}

fn framed<S: AsyncRead + AsyncWrite>(stream: S) -> Framed<S, LengthDelimitedCodec> {
    LengthDelimitedCodec::builder().new_framed(stream)
}

//! tarpc over TCP with bincode, length-delimited frames, `TCP_NODELAY` on both ends, and default
//! settings.

use futures_util::StreamExt;
use serde_bytes::ByteBuf;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::{Framed, LengthDelimitedCodec};
use tarpc::{ClientMessage, Response, Transport, client, context, serde_transport};
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
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    let (accepted, _) = listener.accept().await?;
    tokio::spawn(serve(server_end(accepted)?));
    let client = EchoClient::new(client::Config::default(), client_end(stream)?).spawn();
    Ok(vec![TarpcCaller(client); count])
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
    stream: TcpStream,
) -> Result<impl Transport<Response<EchoResponse>, ClientMessage<EchoRequest>>, BoxError> {
    Ok(serde_transport::new(framed(stream)?, Bincode::default()))
}

fn client_end(
    stream: TcpStream,
) -> Result<impl Transport<ClientMessage<EchoRequest>, Response<EchoResponse>>, BoxError> {
    Ok(serde_transport::new(framed(stream)?, Bincode::default()))
}

fn framed(stream: TcpStream) -> Result<Framed<TcpStream, LengthDelimitedCodec>, BoxError> {
    stream.set_nodelay(true)?;
    Ok(LengthDelimitedCodec::builder().new_framed(stream))
}

//! tarpc over TCP: bincode, frames with a length, and `TCP_NODELAY` on both ends. All settings are the defaults.

use futures_util::StreamExt;
use serde_bytes::ByteBuf;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::{Framed, LengthDelimitedCodec};
use tarpc::{ClientMessage, Response, Transport, client, context, serde_transport};
use tokio::net::{TcpListener, TcpStream};

use crate::measuring::{BoxError, Caller};

/// `ByteBuf`, because serde takes `Vec<u8>` apart byte by byte.
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

/// Calls through a connection that others call through as well.
#[derive(Clone, Debug)]
pub(crate) struct TarpcCaller(EchoClient);

/// A server, a connection, and so many that call through it.
///
/// # Errors
///
/// Where there is no connection.
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

use rpcudp::{Endpoint, rpc_service};

use crate::measuring::{BoxError, Caller};

/// The service that this crate is measured with.
#[rpc_service]
pub(crate) trait Echo {
    /// Returns its argument.
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
}

/// The implementation of the service.
#[derive(Debug)]
pub(crate) struct EchoService;

impl Echo for EchoService {
    fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.into()
    }
}

/// A caller that shares its endpoint with others.
#[derive(Debug)]
pub(crate) struct RpcCaller {
    client: EchoClient,
    /// The server serves as long as a handle exists.
    _server: Endpoint,
}

/// Binds a server endpoint and a client endpoint with default settings, and returns callers that
/// share the client endpoint.
///
/// # Errors
///
/// Returns an error if an endpoint cannot be bound.
pub(crate) async fn callers(count: usize) -> Result<Vec<RpcCaller>, BoxError> {
    let server = Endpoint::builder().serve(EchoServer::new(EchoService)).bind("127.0.0.1:0").await?;
    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    let client = EchoClient::new(&endpoint, server.local_addr());
    Ok((0..count).map(|_| RpcCaller { client: client.clone(), _server: server.clone() }).collect())
}

impl Caller for RpcCaller {
    async fn call(&mut self, payload: &[u8]) -> Result<impl AsRef<[u8]> + Send, BoxError> {
        Ok(self.client.echo(payload).await?)
    }
}

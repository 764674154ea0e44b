use rpcudp::{Endpoint, rpc_service};

use crate::measuring::{BoxError, Caller};

/// What this crate is measured with.
#[rpc_service]
pub(crate) trait Echo {
    /// Gives back what came.
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
}

/// Serves it.
#[derive(Debug)]
pub(crate) struct EchoService;

impl Echo for EchoService {
    fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.into()
    }
}

/// Calls through an endpoint that others call through as well.
#[derive(Debug)]
pub(crate) struct RpcCaller {
    client: EchoClient,
    /// It serves as long as there is a handle.
    _server: Endpoint,
}

/// An endpoint that serves, one that calls, and so many that call through it; all settings are the defaults.
///
/// # Errors
///
/// Where the endpoints cannot be bound.
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

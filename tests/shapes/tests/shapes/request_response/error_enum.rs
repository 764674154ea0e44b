//! An enum of errors with data.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum OpenError {
    Empty,
    TooLong { len: usize },
}

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn open(&self, path: &str) -> Result<u64, OpenError>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn open(&self, path: &str) -> Result<u64, OpenError> {
        match path {
            "" => Err(OpenError::Empty),
            path if path.len() > 3 => Err(OpenError::TooLong { len: path.len() }),
            _ => Ok(1),
        }
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.open("a").await.ok(), Some(1));
    assert_eq!(client.open("").await.unwrap_err().into_application().ok(), Some(OpenError::Empty));
    assert_eq!(client.open("abcd").await.unwrap_err().into_application().ok(), Some(OpenError::TooLong { len: 4 }));
    Ok(())
}

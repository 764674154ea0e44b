//! Paths, borrowed and owned.

use rpcudp::rpc_service;

use std::path::{Path, PathBuf};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn exists(&self, path: &Path) -> bool;
    async fn parent(&self, path: &Path, up: u8) -> Option<PathBuf>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn exists(&self, path: &Path) -> bool {
        path == Path::new("a/b")
    }
    async fn parent(&self, path: &Path, up: u8) -> Option<PathBuf> {
        path.ancestors().nth(up.into()).map(Path::to_owned)
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert!(client.exists(Path::new("a/b")).await?);
    assert_eq!(client.parent(Path::new("a/b"), 1).await?, Some(PathBuf::from("a")));
    Ok(())
}

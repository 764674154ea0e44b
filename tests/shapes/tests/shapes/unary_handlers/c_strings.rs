//! Text of C.

use rpcudp::rpc_service;

use std::ffi::CString;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn len(&self, text: CString) -> usize;
    fn lent(&self, text: &CString) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn len(&self, text: CString) -> usize {
        text.as_bytes().len()
    }
    fn lent(&self, text: &CString) -> usize {
        text.as_bytes().len()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!((client.len(CString::new("ab")?).await?, client.lent(&CString::new("c")?).await?), (2, 1));
    Ok(())
}

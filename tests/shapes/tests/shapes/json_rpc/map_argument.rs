//! Named parameters as a map.

use rpcudp::rpc_service;

use std::collections::HashMap;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn configure(&self, options: HashMap<String, String>) -> usize;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    fn configure(&self, options: HashMap<String, String>) -> usize {
        options.len()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.configure(HashMap::from([("a".into(), "b".into())])).await?, 1);
    Ok(())
}

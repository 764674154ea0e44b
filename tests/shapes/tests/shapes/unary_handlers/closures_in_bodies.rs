//! Default bodies with closures, loops and macros.

use rpcudp::rpc_service;

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    fn all(&self, words: &[String]) -> String {
        let mut all = vec![];
        for word in words {
            all.push(word.chars().rev().collect::<String>());
        }
        all.join("-")
    }
    async fn some(&self) -> Vec<u8> {
        let numbers = async { vec![1, 2, 3] };
        numbers.await.into_iter().filter(|number| number % 2 == 1).collect()
    }
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    assert_eq!(client.all(&["ab".into(), "c".into()]).await?, "ba-c");
    assert_eq!(client.some().await?, [1, 3]);
    Ok(())
}

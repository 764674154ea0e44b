use rpcudp::contract::Method;
use rpcudp::dynamic::RawArguments;
use rpcudp::{Context, DynamicResponse, DynamicService, Endpoint, rpc_service};

#[rpc_service]
trait Greeter {
    fn sayhi(&self);
}

struct Hello;

impl Greeter for Hello {
    fn sayhi(&self) {}
}

struct Plugin;

impl DynamicService for Plugin {
    fn name(&self) -> &str {
        "Plugin"
    }

    fn methods(&self) -> Vec<Method> {
        vec![Method::named("sayhi")]
    }

    async fn call(&self, _: &Context, _: &str, _: RawArguments<'_>) -> DynamicResponse {
        DynamicResponse::none()
    }
}

fn serve() {
    let _ = Endpoint::builder().serve_dynamic(GreeterServer::new(Hello));
    let _ = Endpoint::builder().serve(Plugin);
}

fn main() {}

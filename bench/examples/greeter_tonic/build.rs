//! Generates the client and the server of the README's example in tonic, without a .proto file and
//! so without protoc.

use tonic_build::manual::{Builder, Method, Service};

pub(crate) fn main() {
    let method = |name: &str, route: &str, input: &str, output: &str| {
        let method = Method::builder().name(name).route_name(route).codec_path("tonic_prost::ProstCodec");
        method.input_type(format!("crate::{input}")).output_type(format!("crate::{output}")).build()
    };
    let greeter = Service::builder()
        .package("greeter")
        .name("Greeter")
        .method(method("sayhi", "Sayhi", "Name", "Greeting"))
        .method(method("lookup", "Lookup", "Key", "Value"))
        .method(method("withdraw", "Withdraw", "Cents", "Withdrawn"))
        .method(method("gossip", "Gossip", "Rumour", "Nothing"))
        .build();
    Builder::new().compile(&[greeter]);
}

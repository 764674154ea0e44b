use std::io::Write;
use std::process::{Command, Stdio};

use super::app::App;
use crate::measuring::BoxError;

/// Returns the number of lines of Rust that a framework generates per method: a tenth of the lines
/// that ten more methods add to the expansion of a contract. This excludes the code generated once
/// per contract, and the user's own types.
///
/// # Errors
///
/// Returns an error if the contract does not compile.
pub(super) fn lines_per_method(app: &App) -> Result<f64, BoxError> {
    let (one, eleven) = (line_count(app, 1)?, line_count(app, 11)?);
    Ok((eleven - one) as f64 / 10.0)
}

fn line_count(app: &App, method_count: usize) -> Result<i64, BoxError> {
    let directory = app.directory.join("expansion");
    app.write(&directory, &contract(app.name, method_count))?;
    // `RUSTC_BOOTSTRAP` permits unstable options for the crate of this name.
    let expanded = app.cargo(&directory, &["rustc", "--release", "--offline", "--lib", "--", "-Zunpretty=expanded"])?;
    Ok(formatted(&expanded)?.lines().filter(|line| !line.trim().is_empty()).count() as i64)
}

/// Returns the sources of a library with a contract whose methods take and return a string.
fn contract(framework: &str, method_count: usize) -> Vec<(&'static str, String)> {
    let methods = |method: &dyn Fn(usize) -> String| (0..method_count).map(method).collect::<String>();
    match framework {
        "rpcudp" | "rpcudp-links" => {
            let methods = methods(&|n| format!("    fn method_{n}(&self, name: &str) -> String;\n"));
            vec![("src/lib.rs", format!("#[rpcudp::rpc_service]\npub trait Contract {{\n{methods}}}\n"))]
        }
        "tarpc" => {
            let methods = methods(&|n| format!("    async fn method_{n}(name: String) -> String;\n"));
            vec![("src/lib.rs", format!("#[tarpc::service]\npub trait Contract {{\n{methods}}}\n"))]
        }
        _ => {
            let methods = methods(&|n| {
                format!(
                    "    let service = service.method(Method::builder().name(\"method_{n}\").route_name(\"Method{n}\")\
                     .input_type(\"crate::Text\").output_type(\"crate::Text\")\
                     .codec_path(\"tonic_prost::ProstCodec\").build());\n"
                )
            });
            let build = format!(
                "use tonic_build::manual::{{Builder, Method, Service}};\n\nfn main() {{\n    let service = \
                 Service::builder().package(\"expansion\").name(\"Contract\");\n{methods}    \
                 Builder::new().compile(&[service.build()]);\n}}\n"
            );
            let lib = "#[derive(Clone, PartialEq, prost::Message)]\npub struct Text {\n    #[prost(string, tag = \"1\")]\n    \
                       text: String,\n}\n\ninclude!(concat!(env!(\"OUT_DIR\"), \"/expansion.Contract.rs\"));\n";
            vec![("src/lib.rs", lib.into()), ("build.rs", build)]
        }
    }
}

/// Formats the compiler's output with rustfmt, because its lines have any length.
fn formatted(source: &str) -> Result<String, BoxError> {
    let mut command = Command::new("rustfmt");
    command.args(["--edition", "2024", "--emit", "stdout"]);
    let mut rustfmt = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut stdin = rustfmt.stdin.take().expect("standard input is a pipe");
    stdin.write_all(source.as_bytes())?;
    drop(stdin);
    let output = rustfmt.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("rustfmt: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

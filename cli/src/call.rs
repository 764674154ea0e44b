use crate::args::CallArguments;
use crate::exit::Failure;
use crate::output;
use crate::peer::PreparedCall;

/// Runs `rpcudp call`: prints the response, which is JSON with and without `--json`.
pub(crate) async fn run(arguments: &CallArguments) -> Result<(), Failure> {
    let CallArguments { peer, method, arguments, retry } = arguments;
    let mut prepared = PreparedCall::new(peer, method, arguments).await?;
    let response = prepared.call_first_reachable(*retry).await?;
    output::line(&response.to_string())?;
    Ok(())
}

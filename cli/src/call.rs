use crate::args::CallArguments;
use crate::exit::Failure;
use crate::output;
use crate::peer::PreparedCall;

/// Runs `rpcudp call`: prints the response, which is JSON with and without `--json`.
pub(crate) async fn run(arguments: &CallArguments) -> Result<(), Failure> {
    let CallArguments { peer, method, arguments, retry } = arguments;
    let mut prepared = PreparedCall::new(peer, method, arguments).await?;
    match prepared.call_first_reachable(*retry).await {
        Ok(response) => Ok(output::line(&response.to_string())?),
        Err(error) => Err(prepared.failure_of(error).await),
    }
}

use crate::args::CallArguments;
use crate::exit::Failure;
use crate::output;
use crate::peer::PreparedCall;

/// Prints the answer. It is JSON in any case.
pub(crate) async fn run(arguments: &CallArguments) -> Result<(), Failure> {
    let CallArguments { peer, method, arguments, retry } = arguments;
    let prepared = PreparedCall::new(peer, method, arguments).await?;
    let answer = prepared.call().retransmit(*retry).await?;
    output::line(&answer.to_string())?;
    Ok(())
}

use crate::args::CallArguments;
use crate::exit::Failure;
use crate::output;
use crate::peer::Callee;

/// Prints the answer. It is JSON in any case.
pub(crate) async fn run(arguments: &CallArguments) -> Result<(), Failure> {
    let CallArguments { peer, method, arguments, retry } = arguments;
    let callee = Callee::new(peer, method, arguments).await?;
    let answer = callee.call().retransmit(*retry).await?;
    output::line(&answer.to_string())?;
    Ok(())
}

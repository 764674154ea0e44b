use rpcudp::Call;

use crate::args::CallArguments;
use crate::call_all;
use crate::exit::Failure;
use crate::output;
use crate::peer::PreparedCall;
use crate::transfer_display::TransferDisplay;
use crate::value::Value;

/// Runs `rpcudp call`: prints the response, which is JSON with and without `--json`.
pub(crate) async fn run(arguments: &CallArguments, as_json: bool) -> Result<(), Failure> {
    if arguments.all {
        return call_all::run(arguments, as_json).await;
    }
    let CallArguments { peer, method, arguments, retry, metadata, .. } = arguments;
    let mut prepared = PreparedCall::new(peer, method, arguments).await?;
    let display = TransferDisplay::new(as_json);
    let call = |call: Call<Value, Value>| {
        let call = call.retransmit(*retry);
        let mut call = metadata.iter().fold(call, |call, (key, value)| call.metadata(key, value));
        display.follow(call.progress());
        call
    };
    let result = prepared.call_any(*retry, call).await;
    let advice = display.finish();
    match result {
        Ok(response) => Ok(output::line(&response.to_string())?),
        Err(error) if error.is_timeout() => {
            let failure = Failure::from(error);
            Err(match advice {
                Some(advice) => failure.advise(&advice),
                None => failure,
            })
        }
        Err(error) => Err(prepared.failure_of(error).await),
    }
}

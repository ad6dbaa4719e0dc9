//! `drain`: the running balancer finishes its requests and ends.

use std::time::Duration;

use equipoise_admin::client::{Client, ClientError};
use equipoise_admin::{Drain, DrainRequest};
use tokio::time::{Instant, sleep_until};

use crate::args::DrainArgs;
use crate::failure::{Code, Failure};
use crate::output::{Format, json_to_stdout, to_stdout};

/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(100);
/// What the program may need to end after its deadline.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) async fn run(client: &Client, arguments: &DrainArgs) -> Result<(), Failure> {
    let drain = client.drain(DrainRequest { deadline: arguments.deadline }).await?;
    if !arguments.no_wait {
        wait(client, drain).await?;
    }
    match arguments.output.output {
        Format::Json => json_to_stdout(&drain),
        Format::Table if arguments.no_wait => {
            let Drain { in_flight, deadline } = drain;
            to_stdout(&format!("draining: {in_flight} requests under way, {deadline:.0?} at most\n"))
        }
        Format::Table => to_stdout("drained: the balancer has ended\n"),
    }
}

/// Until the admin address is gone, which is the last thing that a balancer closes.
async fn wait(client: &Client, drain: Drain) -> Result<(), Failure> {
    let client = client.clone().with_answer_limit(GRACE);
    let last = Instant::now() + drain.deadline + GRACE;
    let mut next = Instant::now();
    while next < last {
        match client.status().await {
            // It may end while it answers: any break of the conversation is the end.
            Err(ClientError::Connect { .. } | ClientError::Exchange { .. }) => return Ok(()),
            Err(error @ ClientError::Refused(_)) => return Err(error.into()),
            _ => {}
        }
        next += LOOK;
        sleep_until(next).await;
    }
    let error =
        anyhow::anyhow!("the balancer still runs {GRACE:?} after its drain's deadline of {:.0?}", drain.deadline);
    Err(Failure::new(Code::Failed, error).hint("look at `equipoise status`, or end it with a second INT signal"))
}

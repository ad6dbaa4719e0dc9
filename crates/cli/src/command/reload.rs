//! `reload`: the running balancer reads its configuration again.

use std::fmt::Write;

use equipoise_admin::client::{Client, ClientError};
use equipoise_admin::{Reload, ReloadResult};

use crate::args::OutputArgs;
use crate::failure::{Code, Failure};
use crate::output::{Format, Style, json_to_stdout, to_stdout};

pub(crate) async fn run(client: &Client, arguments: OutputArgs) -> Result<(), Failure> {
    match (client.reload().await, arguments.output) {
        (Ok(reload), Format::Json) => json_to_stdout(&reload),
        (Ok(reload), Format::Table) => to_stdout(&text(&reload, Style::of_stdout())),
        (Err(ClientError::Refused(problem)), Format::Json) => {
            json_to_stdout(&problem)?;
            Err(Failure::told(Code::Failed))
        }
        (Err(error), _) => Err(error.into()),
    }
}

fn text(reload: &Reload, style: Style) -> String {
    let verdict = match reload.result {
        ReloadResult::Applied => style.good("applied"),
        ReloadResult::Unchanged => style.faint("unchanged"),
        ReloadResult::Refused => style.error("refused"),
    };
    let mut text = format!("{verdict} in {:.0?}", reload.took);
    // Writing to memory cannot fail.
    let _ = match reload.message.as_str() {
        "" => writeln!(text, ": generation {} serves", reload.generation),
        message => writeln!(text, ": {message}"),
    };
    for change in &reload.changes {
        let _ = writeln!(text, "  {change}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_reload_tells_its_generation_and_what_changed() {
        let reload = Reload {
            at: SystemTime::UNIX_EPOCH,
            generation: 3,
            result: ReloadResult::Applied,
            message: String::new(),
            changes: vec!["target-group.todo: weight 1 → 2".to_owned()],
            took: Duration::from_millis(12),
        };
        let want = "applied in 12ms: generation 3 serves\n  target-group.todo: weight 1 → 2\n";
        assert_eq!(text(&reload, Style::plain()), want);
    }
}

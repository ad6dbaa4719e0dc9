//! What hooks and alarms have done.

use std::path::Path;

use equipoise_tests::{eventually, free_port, get};
use serde_json::Value;

use super::{Scaled, activities, at_work, desire, instances, is_gone, scaled_service, settled};

fn lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn hooks_run_before_an_instance_joins_and_after_it_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("told");
    let hook = |name: &str, on: &str| {
        let script = format!(
            "echo {on} $EQUIPOISE_HOOK $EQUIPOISE_GROUP $EQUIPOISE_INSTANCE $EQUIPOISE_ADDRESS >> {}",
            file.display()
        );
        format!("[scaling-group.web.hook.{name}]\non = \"{on}\"\ncommand = [\"/bin/sh\", \"-c\", \"{script}\"]\n")
    };
    let terms = format!("min = 0\ndesired = 1\nmax = 2\n{}{}", hook("warm", "launching"), hook("flush", "terminating"));
    let (program, _) = at_work(&terms, 1);
    let (name, address) = settled(&program, 1).pop_first().expect("an instance");
    assert_eq!(lines(&file), [format!("launching warm web {name} {address}")]);
    desire(&program, 0);
    settled(&program, 0);
    assert_eq!(lines(&file)[1..], [format!("terminating flush web {name} {address}")]);
    assert!(is_gone(&name));
}

#[test]
fn a_launch_is_given_up_when_a_hook_that_must_agree_does_not() {
    let hook = "[scaling-group.web.hook.warm]\non = \"launching\"\nabandon = true\n\
                command = [\"/bin/sh\", \"-c\", \"echo no quota >&2; exit 1\"]\n";
    let port = free_port();
    let program = Scaled::start(&scaled_service(port, &format!("min = 1\nmax = 1\n{hook}")));
    let failed = |activity: &Value| activity["status"] == "failed";
    let message = eventually("a failed activity", || {
        activities(&program).into_iter().find(failed)?["message"].as_str().map(str::to_owned)
    });
    assert!(message.contains("hook `warm` failed") && message.contains("no quota"), "{message}");
    assert!(instances(&program, "in-service").is_empty());
}

#[test]
fn an_alarm_runs_its_command_and_is_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("told");
    let script = format!("echo $EQUIPOISE_ALARM $EQUIPOISE_STATE >> {}", file.display());
    let alarm = format!(
        "[alarm.two]\nscaling-group = \"web\"\nmetric = \"in-service\"\nperiod = \"1s\"\nthreshold = 2.0\n\
         comparison = \"greater-than-or-equal\"\non-alarm = [{{ command = [\"/bin/sh\", \"-c\", \"{script}\"] }}]\n"
    );
    let (program, _) = at_work(&format!("min = 1\nmax = 2\n{alarm}"), 1);
    desire(&program, 2);
    eventually("the command runs", || (lines(&file) == ["two ALARM"]).then_some(()));
    let answer = get(program.admin, "/v1/alarms/two/history").expect("the admin address answers");
    assert!(answer.body.contains("\"to\":\"ALARM\""), "{}", answer.body);
}

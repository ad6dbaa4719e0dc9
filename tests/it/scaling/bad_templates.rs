//! Launch templates that come to nothing: a failed activity says why, and the group keeps what it has.

use equipoise_tests::{eventually, free_port, get};

use super::{Scaled, activities, ports, sample_service, scaled, settled};

/// A group with a good template, then with `template`: the failed activity's message.
#[track_caller]
fn check(template: &str, said: &[&str]) {
    let port = free_port();
    let range = ports(20);
    let good = format!("command = {}\nports = \"{range}\"\nstop-timeout = \"5s\"", sample_service(&[]));
    let program =
        Scaled::start(&scaled(port, "min = 1\nmax = 4\n[scaling-group.web.refresh]\nmax-failures = 1", &good));
    let before = settled(&program, 1);
    program.configure(&scaled(
        port,
        "min = 1\nmax = 4\n[scaling-group.web.refresh]\nmax-failures = 1",
        &format!("{template}\nports = \"{range}\"\nstop-timeout = \"1s\""),
    ));
    let message = eventually("a failed activity", || {
        let failed = activities(&program).into_iter().find(|activity| {
            activity["status"] == "failed"
                && activity["description"].as_str().is_some_and(|text| text.contains("aunching"))
        });
        failed.and_then(|activity| activity["message"].as_str().map(str::to_owned))
    });
    for part in said {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(get(port, "/api/v1/todos").expect("an answer").status, 200);
    let now = settled(&program, 1);
    assert_eq!(now, before, "the group keeps what it has");
}

#[test]
fn a_command_that_does_not_exist() {
    check("command = [\"/no/such/program\"]", &["/no/such/program"]);
}

#[test]
fn a_command_that_exits_at_once_shows_its_last_lines() {
    check("command = [\"/bin/sh\", \"-c\", \"echo no database; exit 3\"]", &["exited with code 3", "no database"]);
}

#[test]
fn a_command_that_never_listens() {
    check("command = [\"sleep\", \"1000\"]\ngrace = \"1s\"", &["refused"]);
}

#[test]
fn a_command_that_never_listens_and_ignores_the_stop_signal_is_killed() {
    check(
        "command = [\"/bin/sh\", \"-c\", \"trap '' TERM; while true; do sleep 1; done\"]\ngrace = \"1s\"",
        &["refused"],
    );
}

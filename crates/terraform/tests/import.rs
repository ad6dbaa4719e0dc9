//! Whole folders: what becomes of both variants of the practical, of single resources, and of files that are broken in every
//! way.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use equipoise_terraform::{Import, ImportError, NoteKind, import};
use toml::{Table, Value};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/terraform").join(name)
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn read(files: &[(&str, &str)]) -> Import {
    import(folder(files).path()).unwrap()
}

fn table(import: &Import) -> Table {
    import.toml.parse().unwrap_or_else(|error| panic!("{error}\n{}", import.toml))
}

/// Follows a path of keys, `a.b.0.c`.
fn at<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let mut keys = path.split('.');
    let first = table.get(keys.next()?);
    keys.fold(first, |value, key| match value? {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

#[track_caller]
fn check(import: &Import, expected: &[(&str, &str)]) {
    let table = table(import);
    for (path, value) in expected {
        let found = at(&table, path).map_or_else(|| "nothing".to_owned(), ToString::to_string);
        assert_eq!(found, *value, "{path} in\n{}", import.toml);
    }
}

#[track_caller]
fn check_note(import: &Import, kind: NoteKind, file: &str, line: usize, part: &str) {
    let fits = |note: &&equipoise_terraform::Note| {
        note.kind == kind && note.file == file && note.line == line && note.to_string().contains(part)
    };
    let notes: Vec<_> = import.notes.iter().map(ToString::to_string).collect();
    assert!(import.notes.iter().any(|note| fits(&note)), "{kind} {file}:{line} {part} in\n{}", notes.join("\n"));
}

#[test]
fn the_auto_scaling_group_of_the_practical_is_carried_over() {
    let import = import(&fixture("auto-scaling-group")).unwrap();
    check(
        &import,
        &[
            ("listener.http.bind", "\"0.0.0.0:80\""),
            ("listener.http.allow", "[\"0.0.0.0/0\"]"),
            ("listener.http.default.forward", "\"todo\""),
            ("listener.http.rule.0.when.path", "\"/api/v1/chaos/*\""),
            ("target-group.todo.deregistration-delay", "\"30s\""),
            ("target-group.todo.health-check.http.path", "\"/api/v1/health\""),
            ("target-group.todo.health-check.http.interval", "\"10s\""),
            ("target-group.todo.health-check.http.timeout", "\"5s\""),
            ("target-group.todo.health-check.http.healthy-threshold", "2"),
            ("scaling-group.todo.min", "1"),
            ("scaling-group.todo.max", "4"),
            ("scaling-group.todo.default-cooldown", "\"120s\""),
            ("scaling-group.todo.launch-template.process.command", "[\"todo-service\", \"--port\", \"{port}\"]"),
            ("scaling-group.todo.launch-template.process.environment.TODO_PORT", "\"{port}\""),
            ("scaling-group.todo.policy.scale_out.simple.alarm", "\"cpu_high\""),
            ("scaling-group.todo.policy.scale_out.simple.by", "1"),
            ("scaling-group.todo.policy.scale_in.simple.by", "-1"),
            ("scaling-group.todo.policy.scale_in.simple.cooldown", "\"120s\""),
            ("alarm.cpu_high.threshold", "20.0"),
            ("alarm.cpu_high.comparison", "\"greater-than-or-equal\""),
            ("alarm.cpu_low.threshold", "10.0"),
            ("alarm.cpu_low.period", "\"120s\""),
            ("alarm.cpu_low.evaluation-periods", "2"),
        ],
    );
    assert!(import.toml.contains("#   docker run -d --restart=always -p 6400:6400"), "{}", import.toml);
    check_note(&import, NoteKind::Complete, "scaling.tf", 7, "user_data");
    check_note(&import, NoteKind::Left, "network.tf", 24, "aws_vpc.main");
    check_note(&import, NoteKind::Left, "network.tf", 54, "egress");
}

#[test]
fn the_service_of_the_practical_is_carried_over() {
    let import = import(&fixture("ecs-service")).unwrap();
    check(
        &import,
        &[
            ("listener.http.allow", "[\"0.0.0.0/0\"]"),
            ("scaling-group.todo.min", "1"),
            ("scaling-group.todo.max", "4"),
            ("scaling-group.todo.policy.cpu.target-tracking.metric", "\"cpu-utilization\""),
            ("scaling-group.todo.policy.cpu.target-tracking.target", "20.0"),
            ("scaling-group.todo.policy.cpu.target-tracking.in-cooldown", "\"300s\""),
            ("scaling-group.todo.launch-template.process.limits.cpu", "0.5"),
            ("scaling-group.todo.launch-template.process.limits.memory", "\"1024MiB\""),
            ("scaling-group.todo.launch-template.process.environment.TODO_LOG", "\"info\""),
            ("target-group.todo.health-check.http.unhealthy-threshold", "2"),
        ],
    );
    assert!(import.toml.contains("# DATABASE_URL ="), "{}", import.toml);
    check_note(&import, NoteKind::Left, "service.tf", 1, "aws_ecs_cluster.todo");
    check_note(&import, NoteKind::Complete, "service.tf", 25, "DATABASE_URL");
}

#[test]
fn the_same_files_always_give_the_same_text() {
    let once = import(&fixture("auto-scaling-group")).unwrap();
    assert_eq!(once, import(&fixture("auto-scaling-group")).unwrap());
}

const BASE: &str = r#"
resource "aws_alb" "web" {}
resource "aws_alb_target_group" "a" {
  port     = 80
  protocol = "HTTP"
}
resource "aws_lb_target_group" "b" {
  port     = 80
  protocol = "HTTP"
}
resource "aws_alb_listener" "web" {
  load_balancer_arn = aws_alb.web.arn
  port              = 8080
  default_action {
    type = "forward"
    forward {
      target_group {
        arn    = aws_alb_target_group.a.arn
        weight = 9
      }
      target_group {
        arn    = aws_alb_target_group.b.arn
        weight = 1
      }
      stickiness {
        enabled  = true
        duration = 600
      }
    }
  }
}
"#;

fn with(more: &str) -> Import {
    read(&[("main.tf", &format!("{BASE}{more}"))])
}

#[test]
fn weights_and_stickiness_between_groups_are_carried_over() {
    check(
        &with(""),
        &[
            ("listener.web.default.forward.groups.0.group", "\"a\""),
            ("listener.web.default.forward.groups.0.weight", "9"),
            ("listener.web.default.forward.sticky.ttl", "\"600s\""),
            ("target-group.a.health-check.http.healthy-threshold", "5"),
            ("target-group.a.deregistration-delay", "\"300s\""),
        ],
    );
}

#[test]
fn every_kind_of_condition_is_carried_over() {
    let import = with(
        r#"
resource "aws_lb_listener_rule" "last" {
  listener_arn = aws_lb_listener.web.arn
  action {
    type = "redirect"
    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }
  condition {
    host_header { values = ["*.example.org", "example.org"] }
  }
}
resource "aws_lb_listener_rule" "first" {
  listener_arn = aws_lb_listener.web.arn
  priority     = 7
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.b.arn
  }
  condition {
    http_header {
      http_header_name = "X-Beta"
      values           = ["yes*"]
    }
  }
  condition {
    http_request_method { values = ["GET"] }
  }
  condition {
    query_string {
      key   = "v"
      value = "2"
    }
    query_string {
      key   = "v"
      value = "3"
    }
  }
  condition {
    source_ip { values = ["10.0.0.0/8"] }
  }
}
"#,
    );
    check(
        &import,
        &[
            ("listener.web.rule.0.priority", "7"),
            ("listener.web.rule.0.when.header.x-beta", "\"~(?i)^yes.*$\""),
            ("listener.web.rule.0.when.method", "\"GET\""),
            ("listener.web.rule.0.when.query.v", "[\"2\", \"3\"]"),
            ("listener.web.rule.0.when.source", "\"10.0.0.0/8\""),
            ("listener.web.rule.0.then.forward", "\"b\""),
            ("listener.web.rule.1.priority", "8"),
            ("listener.web.rule.1.when.host", "[\"*.example.org\", \"example.org\"]"),
            ("listener.web.rule.1.then.redirect.to", "\"https://{host}{path_and_query}\""),
            ("listener.web.rule.1.then.redirect.status", "301"),
        ],
    );
}

#[test]
fn a_rule_whose_condition_cannot_be_said_is_left_out_whole() {
    let import = with(
        r#"
resource "aws_lb_listener_rule" "x" {
  listener_arn = aws_lb_listener.web.arn
  priority     = 1
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.b.arn
  }
  condition {
    query_string { value = "anything" }
  }
}
"#,
    );
    check(&import, &[("listener.web.rule", "nothing")]);
    check_note(&import, NoteKind::Left, "main.tf", 33, "the whole rule");
}

#[test]
fn what_would_open_up_is_closed_until_somebody_completes_it() {
    let import = read(&[(
        "main.tf",
        r#"
variable "outside" {}
resource "aws_lb" "a" { security_groups = [var.outside] }
resource "aws_lb" "c" { security_groups = var.outside }
resource "aws_lb_listener" "c" {
  load_balancer_arn = aws_lb.c.arn
  port              = 80
  protocol          = "TCP"
  default_action {
    type             = "forward"
    target_group_arn = var.outside
  }
}
resource "aws_lb" "b" { security_groups = [aws_security_group.b.id] }
resource "aws_security_group" "b" {
  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_lb_listener" "a" {
  load_balancer_arn = aws_lb.a.arn
  port              = 80
  default_action {
    type = "authenticate-oidc"
    authenticate_oidc { issuer = "https://example.org" }
  }
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.none.arn
  }
}
resource "aws_lb_listener" "b" {
  load_balancer_arn = aws_lb.b.arn
  port              = 80
  default_action {
    type             = "forward"
    target_group_arn = var.outside
  }
}
"#,
    )]);
    check(
        &import,
        &[
            ("listener.a.allow", "[\"127.0.0.0/8\"]"),
            ("listener.c.default", "nothing"),
            ("listener.c.allow", "[\"127.0.0.0/8\"]"),
            ("listener.a.default.respond.status", "401"),
            ("listener.b.deny", "[\"0.0.0.0/0\", \"::/0\"]"),
            ("listener.b.default.respond.status", "503"),
        ],
    );
    check_note(&import, NoteKind::Complete, "main.tf", 27, "401");
}

#[test]
fn https_asks_for_the_files_of_its_certificate() {
    let import = with(
        r#"
resource "aws_lb_listener" "tls" {
  load_balancer_arn = aws_lb.web.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-3-2021-06"
  certificate_arn   = "arn:aws:acm:x:1:certificate/2"
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}
"#,
    );
    check(
        &import,
        &[
            ("listener.tls.protocol", "\"https\""),
            ("listener.tls.tls.min-version", "\"1.3\""),
            ("listener.tls.tls.certificates.0.chain", "\"TO-COMPLETE.pem\""),
            ("listener.tls.default.respond.status", "404"),
        ],
    );
    check_note(&import, NoteKind::Complete, "main.tf", 38, "tls.certificates");
}

#[test]
fn targets_with_addresses_are_carried_over_and_others_asked_for() {
    let import = with(
        r#"
resource "aws_lb_target_group_attachment" "a" {
  for_each         = toset(["10.0.0.11", "10.0.0.12"])
  target_group_arn = aws_lb_target_group.a.arn
  target_id        = each.value
}
resource "aws_lb_target_group_attachment" "b" {
  target_group_arn = aws_lb_target_group.b.arn
  target_id        = aws_instance.x.id
  port             = 81
}
resource "aws_instance" "x" {}
"#,
    );
    check(&import, &[("target-group.a.targets", "[\"10.0.0.11\", \"10.0.0.12\"]"), ("target-group.b.targets", "[]")]);
    check_note(&import, NoteKind::Complete, "main.tf", 40, "aws_instance.x.id has no address");
}

#[test]
fn steps_schedules_forecasts_and_other_metrics_are_carried_over() {
    let import = with(
        r#"
resource "aws_autoscaling_group" "g" {
  max_size             = 5
  min_size             = 2
  termination_policies = ["NewestInstance"]
  suspended_processes  = ["AddToLoadBalancer", "AZRebalance"]
  launch_template { id = "lt-1" }
  instance_refresh {
    strategy = "Rolling"
    preferences { min_healthy_percentage = 50 }
  }
}
resource "aws_autoscaling_attachment" "g" {
  autoscaling_group_name = aws_autoscaling_group.g.id
  lb_target_group_arn    = aws_lb_target_group.b.arn
}
resource "aws_autoscaling_policy" "step" {
  autoscaling_group_name = aws_autoscaling_group.g.name
  policy_type            = "StepScaling"
  adjustment_type        = "PercentChangeInCapacity"
  step_adjustment {
    scaling_adjustment          = 50
    metric_interval_lower_bound = "0"
    metric_interval_upper_bound = 10
  }
  step_adjustment {
    scaling_adjustment          = 100
    metric_interval_lower_bound = 10
  }
}
resource "aws_cloudwatch_metric_alarm" "slow" {
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  extended_statistic  = "p95"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.25
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_autoscaling_policy.step.arn, "arn:aws:sns:x:1:pager"]
}
resource "aws_autoscaling_policy" "requests" {
  autoscaling_group_name = aws_autoscaling_group.g.name
  policy_type            = "TargetTrackingScaling"
  target_tracking_configuration {
    target_value     = 600
    disable_scale_in = true
    predefined_metric_specification { predefined_metric_type = "ALBRequestCountPerTarget" }
  }
}
resource "aws_autoscaling_schedule" "morning" {
  autoscaling_group_name = aws_autoscaling_group.g.name
  scheduled_action_name  = "morning"
  recurrence             = "0 8 * * MON-FRI"
  time_zone              = "Australia/Brisbane"
  min_size               = 3
  max_size               = -1
  desired_capacity       = -1
}
resource "aws_autoscaling_policy" "nobody" {
  autoscaling_group_name = aws_autoscaling_group.g.name
  scaling_adjustment     = 1
  adjustment_type        = "ChangeInCapacity"
}
"#,
    );
    check(
        &import,
        &[
            ("scaling-group.g.target-group", "\"b\""),
            ("scaling-group.g.health", "\"process\""),
            ("scaling-group.g.termination", "\"newest\""),
            ("scaling-group.g.suspend", "[\"add-to-target-group\"]"),
            ("scaling-group.g.refresh.min-healthy", "50"),
            ("scaling-group.g.launch-template.process.ports", "\"8100-8199\""),
            ("scaling-group.g.policy.step.step.alarm", "\"slow\""),
            ("scaling-group.g.policy.step.step.steps.0.to", "10.0"),
            ("scaling-group.g.policy.step.step.steps.1.by", "100"),
            ("scaling-group.g.policy.requests.target-tracking.target", "10.0"),
            ("scaling-group.g.policy.requests.target-tracking.scale-in", "false"),
            ("scaling-group.g.policy.morning.scheduled.cron", "\"0 8 * * MON-FRI\""),
            ("scaling-group.g.policy.morning.scheduled.min", "3"),
            ("scaling-group.g.policy.morning.scheduled.max", "nothing"),
            ("scaling-group.g.policy.nobody", "nothing"),
            ("alarm.slow.metric", "\"latency\""),
            ("alarm.slow.scaling-group", "\"g\""),
            ("alarm.slow.statistic", "\"p95\""),
            ("alarm.slow.threshold", "250.0"),
            ("alarm.slow.datapoints-to-alarm", "2"),
            ("alarm.slow.missing-data", "\"not-breaching\""),
            ("alarm.slow.on-alarm", "[\"log\"]"),
        ],
    );
}

#[test]
fn modules_json_and_values_from_elsewhere_are_read() {
    let import = read(&[
        (
            "main.tf",
            "module \"web\" {\n  source = \"./modules/web\"\n  port   = var.port\n}\nmodule \"far\" {\n  source = \"terraform-aws-modules/vpc/aws\"\n}\nvariable \"port\" {}\n",
        ),
        ("a.auto.tfvars.json", "{\"port\": 8081}"),
        ("terraform.tfvars", "port = 1"),
        ("modules/web/v.tf", "variable \"port\" { default = 2 }\n"),
        (
            "modules/web/main.tf.json",
            r#"{"resource": {
  "aws_lb": {"l": {}},
  "aws_lb_target_group": {"t": {"port": 80, "protocol": "HTTP", "health_check": {"path": "/h", "interval": 20}}},
  "aws_lb_listener": {"l": {
    "load_balancer_arn": "${aws_lb.l.arn}",
    "port": "${var.port}",
    "mystery": true,
    "default_action": [{"type": "forward", "target_group_arn": "${aws_lb_target_group.t.arn}"}]
  }}
}}"#,
        ),
    ]);
    check(
        &import,
        &[
            ("listener.web-l.bind", "\"0.0.0.0:8081\""),
            ("listener.web-l.default.forward", "\"web-t\""),
            ("target-group.web-t.health-check.http.path", "\"/h\""),
            ("target-group.web-t.health-check.http.interval", "\"20s\""),
            ("target-group.web-t.health-check.http.healthy-threshold", "3"),
        ],
    );
    check_note(&import, NoteKind::Left, "modules/web/main.tf.json", 7, "mystery");
    check_note(&import, NoteKind::Left, "main.tf", 5, "module.far");
}

#[test]
fn a_folder_that_cannot_be_imported_says_why() {
    let none = folder(&[("README.md", "")]);
    assert!(matches!(import(none.path()), Err(ImportError::NoFiles { .. })));
    let nothing = folder(&[("a.tf", "resource \"aws_vpc\" \"x\" {}\n")]);
    assert!(matches!(import(nothing.path()), Err(ImportError::Nothing { .. })));
    assert!(matches!(import(Path::new("/does/not/exist")), Err(ImportError::Read { .. })));
    let broken = folder(&[("a.tf", "x = [\n"), ("b.tf.json", "{")]);
    let Err(ImportError::Syntax(errors)) = import(broken.path()) else { panic!("no error of syntax") };
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn nothing_outside_of_the_folder_is_read() {
    let outside = folder(&[("secret", "s3cret"), ("in/main.tf", BASE)]);
    let more = "resource \"aws_autoscaling_group\" \"g\" {\n  max_size = 1\n  launch_template { id = aws_launch_template.t.id }\n}\nresource \"aws_launch_template\" \"t\" {\n  user_data = file(\"../secret\")\n}\n";
    std::fs::write(outside.path().join("in/more.tf"), more).unwrap();
    let import = import(&outside.path().join("in")).unwrap();
    assert!(!import.toml.contains("s3cret"), "{}", import.toml);
}

/// The fixtures as one text each, with every kind of thing in them.
fn texts() -> Vec<String> {
    let text = |name: &str| {
        let mut files: Vec<_> = std::fs::read_dir(fixture(name)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let of = |path: PathBuf| std::fs::read_to_string(path).unwrap();
        files.into_iter().filter(|path| path.extension().is_some_and(|it| it == "tf")).map(of).collect::<String>()
    };
    vec![text("every-kind"), text("auto-scaling-group"), text("ecs-service"), BASE.to_owned()]
}

fn mutate(text: &str, random: &mut fastrand::Rng) -> String {
    const PIECES: [&str; 24] = [
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "\"",
        "${",
        "%{ if true }",
        "<<E\n",
        "\n",
        " = ",
        "null",
        "-1",
        "1e308",
        "99999999999",
        "\u{1F600}",
        "each.key",
        "[*]",
        "...",
        "for_each = toset([\"a\",\"b\"])\n",
        "count = 0\n",
        "jsonencode(",
        "\\",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(0..=chars.len());
        let end = (at + random.usize(0..30)).min(chars.len());
        match random.u8(0..5) {
            0 => drop(chars.drain(at..end)),
            1 => drop(chars.splice(at..at, random.choice(PIECES).unwrap_or_default().chars()).collect::<Vec<_>>()),
            2 => drop(chars.splice(at..end, random.choice(PIECES).unwrap_or_default().chars()).collect::<Vec<_>>()),
            3 => {
                let from = random.usize(0..=chars.len());
                let copied: Vec<_> = chars[from..(from + 40).min(chars.len())].to_vec();
                drop(chars.splice(at..at, copied).collect::<Vec<_>>());
            }
            // A name or a number becomes another one that stands in the text.
            _ => {
                let words: Vec<_> =
                    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|it| !it.is_empty()).collect();
                let [from, to] = [0; 2].map(|_| words[random.usize(0..words.len())]);
                chars = chars.iter().collect::<String>().replacen(from, to, 1 + random.usize(0..2)).chars().collect();
            }
        }
    }
    chars.into_iter().collect()
}

#[test]
fn mutated_files_never_panic_and_never_give_broken_toml() {
    let (texts, mut random) = (texts(), fastrand::Rng::with_seed(7));
    let folder = tempfile::tempdir().unwrap();
    let mut read = 0;
    for _ in 0..600 {
        let text = mutate(random.choice(&texts).unwrap(), &mut random);
        std::fs::write(folder.path().join("main.tf"), &text).unwrap();
        if let Ok(import) = import(folder.path()) {
            read += 1;
            let parsed: Result<Table, _> = import.toml.parse();
            assert!(parsed.is_ok(), "{}\n\n{}\n\nof\n{text}", parsed.unwrap_err(), import.toml);
        }
    }
    assert!(read > 50, "only {read} were read: the mutations break too much to say anything");
}

#[test]
fn mutated_json_never_panics_and_never_gives_broken_toml() {
    const JSON: &str = r#"{"//": "x", "locals": {"p": 80, "d": "\u00e4${base64encode(\"a\")}"}, "resource": {
      "aws_lb_target_group": {"t": [{"port": "${local.p}", "protocol": "HTTP", "health_check": [{"path": "/h"}]}]},
      "aws_autoscaling_group": {"g": {"max_size": 3, "target_group_arns": ["${aws_lb_target_group.t.arn}"],
        "launch_template": {"id": "${aws_launch_template.l.id}"}}},
      "aws_launch_template": {"l": {"user_data": "${base64encode(\"./run --port ${local.p}\")}"}}}}"#;
    let (folder, mut random, mut read) = (tempfile::tempdir().unwrap(), fastrand::Rng::with_seed(11), 0);
    for _ in 0..600 {
        let text = mutate(JSON, &mut random);
        std::fs::write(folder.path().join("main.tf.json"), &text).unwrap();
        if let Ok(import) = import(folder.path()) {
            read += 1;
            assert!(import.toml.parse::<Table>().is_ok(), "{}\n\nof\n{text}", import.toml);
        }
    }
    assert!(read > 50, "only {read} were read: the mutations break too much to say anything");
}

#[test]
fn what_is_nested_too_deep_or_makes_too_much_is_refused_or_bounded() {
    for (open, close) in [("[", "]"), ("(", ")"), ("!", ""), ("{ a = ", " }"), ("\"${", "}\""), ("x ? y : ", "z")] {
        let deep = format!("locals {{\n x = {}1{}\n}}\n", open.repeat(20_000), close.repeat(20_000));
        let folder = folder(&[("main.tf", BASE), ("deep.tf", &deep)]);
        let _ = import(folder.path());
    }
    let import = with("resource \"aws_lb_target_group\" \"many\" {\n  count = 1000000\n}\n");
    let groups = table(&import)["target-group"].as_table().unwrap().len();
    assert_eq!(groups, 102);
}

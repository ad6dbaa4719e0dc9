use std::path::PathBuf;

use super::*;
use crate::module::Module;
use crate::source::{Source, SourceKind};
use crate::syntax::Reader;

/// What the local value `x` of a file comes to.
fn value(text: &str) -> Value {
    let source = Source::new("x.tf".to_owned(), SourceKind::Native, text.to_owned());
    let body = Reader { source: &source, file: 0 }.body().unwrap();
    let mut module = Module { folder: PathBuf::from("."), ..Module::default() };
    for block in body.blocks {
        match block.kind.as_str() {
            "locals" => {
                module.locals.extend(block.body.attributes.iter().map(|it| (it.name.clone(), it.expr.clone())));
            }
            _ => module.resources.push(block),
        }
    }
    let program = Program { modules: vec![module], ..Program::default() };
    let expr = program.modules[0].locals["x"].clone();
    Evaluator::new(&program).value(&expr, &Scope::default())
}

#[track_caller]
fn check(expr: &str, expected: &str) {
    let value = value(&format!("locals {{\n x = {expr}\n}}\n"));
    assert_eq!(format!("{value:?}"), expected, "{expr}");
}

#[test]
fn operators_and_choices_are_worked_out() {
    check("1 + 2 * 3 - 4 / 2 % 3", "Number(5.0)");
    check("!(1 > 2) && 3 <= 3 || false", "Bool(true)");
    check("\"a\" == \"a\" ? \"yes\" : \"no\"", "Text(\"yes\")");
    check("-1", "Number(-1.0)");
    check("[1, 2][1]", "Number(2.0)");
    check("{ a = { b = 7 } }.a[\"b\"]", "Number(7.0)");
}

#[test]
fn templates_are_filled_in_and_stripped() {
    check("\"a${1 + 1}b\"", "Text(\"a2b\")");
    check("\"${[1]}\"", "List([Number(1.0)])");
    check("\"%{ for n in [1, 2] }<${n}>%{ endfor }\"", "Text(\"<1><2>\")");
    check("\"a %{~ if true ~} b %{~ else ~} c %{~ endif ~} d\"", "Text(\"abd\")");
    check("\"$${kept}\"", "Text(\"${kept}\")");
    check("<<-E\n   a\n     b\n  E\n", "Text(\"a\\n  b\\n\")");
}

#[test]
fn for_makes_lists_and_maps() {
    check("[for i, v in [\"a\", \"b\"] : \"${i}${v}\" if v != \"a\"]", "List([Text(\"1b\")])");
    check("{ for k, v in { a = 1 } : v => k... }", "Map({\"1\": List([Text(\"a\")])})");
    check("[{ n = 1 }, { n = 2 }][*].n", "List([Number(1.0), Number(2.0)])");
}

#[test]
fn functions_that_launch_templates_use_are_there() {
    check("join(\"-\", [\"a\", 1])", "Text(\"a-1\")");
    check("format(\"%s:%03d%%\", \"a\", 7)", "Text(\"a:007%\")");
    check("base64decode(base64encode(\"hello\"))", "Text(\"hello\")");
    check("jsondecode(jsonencode({ a = [1, true, null] })).a[1]", "Bool(true)");
    check("merge({ a = 1 }, { a = 2 })[\"a\"]", "Number(2.0)");
    check("lookup({ a = 1 }, \"b\", 3)", "Number(3.0)");
    check("try(local.none, 5)", "Number(5.0)");
    check("element([1, 2], 3)", "Number(2.0)");
    check("coalesce(null, \"\", \"x\")", "Text(\"x\")");
    check("length(concat([[1], [2, 3]]...))", "Number(3.0)");
}

#[test]
fn what_only_aws_knows_stays_a_reference_and_says_so() {
    let resource = "resource \"aws_lb\" \"web\" {\n  count = 2\n  name = \"web-${count.index}\"\n}\n";
    let of = |expr: &str| value(&format!("{resource}locals {{\n x = {expr}\n}}\n"));
    let arn = of("aws_lb.web[1].arn");
    assert_eq!(arn.why_unknown().as_deref(), Some("aws_lb.web[1].arn is only known to AWS"));
    assert_eq!(of("aws_lb.web[1].name").as_text().as_deref(), Some("web-1"));
    assert_eq!(of("\"to ${aws_lb.web[0].arn}\""), Value::Partial("to ${aws_lb.web[0].arn}".to_owned()));
    assert!(matches!(of("aws_lb.web[*].arn"), Value::List(both) if both.len() == 2));
    check("data.aws_ami.x.id", "Unknown(\"data.aws_ami is looked up at AWS\")");
    check("var.none", "Unknown(\"there is no variable `none`\")");
    check("uuid()", "Unknown(\"uuid(): its parts do not fit together, or the function is not known here\")");
}

#[test]
fn circles_and_explosions_come_to_an_end() {
    assert!(matches!(value("locals {\n x = local.y\n y = local.x\n}\n"), Value::Unknown(_)));
    let mut text = "locals {\n x = local.v40\n v0 = \"0123456789\"\n".to_owned();
    for number in 1..=40 {
        text += &format!(" v{number} = \"${{local.v{}}} ${{local.v{}}}\"\n", number - 1, number - 1);
    }
    let started = std::time::Instant::now();
    assert!(value(&(text + "}\n")).why_unknown().is_some());
    assert!(started.elapsed() < std::time::Duration::from_secs(20));
    check(
        "range(1000000000)",
        "Unknown(\"range(): its parts do not fit together, or the function is not known here\")",
    );
    check("1 / 0", "Unknown(\"it divides by zero, or is too large\")");
}

//! What containers do beside what all kinds do: against the mock engine, and against a real one where there is one.

use std::fs;
use std::time::Duration;

use tokio::time::timeout;

use super::stage::{Act, Kind, PATIENCE, Stage, docker, kill};
use crate::LaunchTemplate;
use crate::provider::provider;

fn with(template: LaunchTemplate, change: impl FnOnce(&mut crate::DockerTemplate)) -> LaunchTemplate {
    let LaunchTemplate::Docker(mut template) = template else { panic!("a container's") };
    change(&mut template);
    LaunchTemplate::Docker(template)
}

#[tokio::test]
async fn a_container_is_made_as_its_template_says() {
    let stage = Stage::new(Kind::Docker, "todo").await;
    fs::write(stage.folder.path().join("secret"), "hush\n").unwrap();
    let template = with(stage.template(Act::Stays), |template| {
        template.environment.insert("URL".to_owned(), "{group}:{port}".to_owned());
        template.environment_files.insert("KEY".to_owned(), "secret".into());
        template.labels.insert("team".to_owned(), "{group}".to_owned());
        template.limits.cpu = Some(0.5);
        template.limits.memory = Some("64MiB".to_owned());
        template.limits.tasks = Some(10);
    });
    let provider = provider(&stage.setting(), &template).unwrap();
    let launched = provider.launch(&stage.instance(1)).await.unwrap();
    let engine = stage.engine.as_ref().unwrap();
    let (line, body) = engine.asked("POST /containers/create").remove(0);
    assert!(line.contains(&format!("name=equipoise-todo-{}", stage.instance(1))), "{line}");
    let environment = body["Env"].as_array().unwrap();
    for variable in ["PORT=6400", "URL=todo:6400", "KEY=hush", "EQUIPOISE_GROUP=todo"] {
        assert!(environment.contains(&variable.into()), "{variable}: {environment:?}");
    }
    assert_eq!(body["Labels"]["team"], "todo");
    assert_eq!(body["Labels"]["equipoise.instance"], stage.instance(1).as_str());
    let host = &body["HostConfig"];
    assert_eq!(host["NanoCpus"], 500_000_000);
    assert_eq!(host["Memory"], 64 << 20);
    assert_eq!(host["PidsLimit"], 10);
    assert_eq!(host["PortBindings"]["6400/tcp"][0]["HostIp"], "127.0.0.1");
    let usage = provider.usage(&launched.handle).await.unwrap();
    assert_eq!((usage.received, usage.sent, usage.memory_limit), (Some(6), Some(9), Some(64 << 20)));
    assert!((usage.processors - 0.5).abs() < f64::EPSILON);
    assert_eq!(provider.log(&launched.handle).await, ["here"]);
    provider.stop(&launched.handle).await.unwrap();
    assert_eq!(engine.containers(), 0);
}

#[tokio::test]
async fn a_container_in_a_network_is_reached_there() {
    let stage = Stage::new(Kind::Docker, "todo").await;
    let template = with(stage.template(Act::Stays), |template| template.network = Some("back".to_owned()));
    let provider = provider(&stage.setting(), &template).unwrap();
    let launched = provider.launch(&stage.instance(1)).await.unwrap();
    assert_eq!(launched.address.to_string(), "172.18.0.7:6400");
    assert_eq!(provider.list().await.unwrap()[0].launched, launched);
    let (_, body) = stage.engine.as_ref().unwrap().asked("POST /containers/create").remove(0);
    assert_eq!(body["HostConfig"]["NetworkMode"], "back");
    assert!(body["HostConfig"]["PortBindings"].is_null());
    provider.stop(&launched.handle).await.unwrap();
}

#[tokio::test]
async fn an_image_that_is_not_there_is_pulled_once_and_one_that_cannot_be_is_told() {
    let stage = Stage::new(Kind::Docker, "todo").await;
    let of = |image: &str| {
        let template = with(stage.template(Act::Stays), |template| template.image = image.to_owned());
        provider(&stage.setting(), &template).unwrap()
    };
    let fresh = of("registry:5000/fresh");
    for number in 1..=2 {
        let launched = fresh.launch(&stage.instance(number)).await.unwrap();
        fresh.stop(&launched.handle).await.unwrap();
    }
    let pulls = stage.engine.as_ref().unwrap().asked("POST /images/create");
    assert_eq!(pulls.len(), 1, "{pulls:?}");
    assert!(pulls[0].0.contains("fresh%3Alatest"), "{pulls:?}");
    let refused = of("missing:1").launch(&stage.instance(3)).await.unwrap_err().to_string();
    assert!(refused.starts_with("starting a container of `missing:1`: the engine answered 404: manifest"), "{refused}");
}

#[tokio::test]
async fn a_container_that_cannot_be_started_or_has_ended_is_removed() {
    let stage = Stage::new(Kind::Docker, "todo").await;
    let engine = stage.engine.as_ref().unwrap();
    let template = with(stage.template(Act::Stays), |template| template.command = vec!["/no/such/program".to_owned()]);
    let refused = provider(&stage.setting(), &template).unwrap().launch(&stage.instance(1)).await.unwrap_err();
    assert!(refused.to_string().contains("executable file not found"), "{refused}");
    assert_eq!(engine.containers(), 0);
    let provider = stage.provider(Act::Stays);
    let launched = provider.launch(&stage.instance(2)).await.unwrap();
    kill(&stage.instance(2)).await;
    let ended = timeout(PATIENCE, provider.ended(&launched.handle)).await.unwrap();
    assert_eq!(ended.reason, "exited with code 137; last lines: here");
    assert_eq!(engine.containers(), 0);
    // One that ended while nobody waited for it goes when somebody lists.
    let launched = provider.launch(&stage.instance(3)).await.unwrap();
    kill(&stage.instance(3)).await;
    super::stage::eventually(async || {
        assert!(provider.list().await.unwrap().len() <= 1);
        engine.containers() == 0
    })
    .await;
    assert_eq!(timeout(PATIENCE, provider.ended(&launched.handle)).await.unwrap().reason, "it is not there");
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_told() {
    let stage = Stage::new(Kind::Docker, "todo").await;
    let template = docker(&stage.folder.path().join("none.sock"), "true");
    let provider = provider(&stage.setting(), &template).unwrap();
    let refused = provider.list().await.unwrap_err().to_string();
    assert!(refused.starts_with("listing containers: no engine at ") && refused.contains("none.sock"), "{refused}");
    assert!(provider.launch(&stage.instance(1)).await.unwrap_err().to_string().contains("no engine at"));
}

/// With the real engine of this machine, if it has one and an image with a shell that is called `busybox`.
#[tokio::test]
async fn a_real_engine_does_the_same() {
    let stage = Stage::new(Kind::Docker, "todo").await;
    let socket = "/var/run/docker.sock".as_ref();
    let template = with(docker(socket, "trap exit TERM; echo here; while :; do sleep 1; done"), |template| {
        template.image = "busybox".to_owned();
    });
    let provider = provider(&stage.setting(), &template).unwrap();
    if provider.list().await.is_err() {
        println!("no Docker engine here: nothing was tried");
        return;
    }
    let launched = match timeout(Duration::from_secs(120), provider.launch(&stage.instance(1))).await {
        Ok(Ok(launched)) => launched,
        other => {
            println!("the Docker engine here has no `busybox`: {other:?}");
            return;
        }
    };
    assert_eq!(provider.list().await.unwrap().len(), 1);
    assert!(provider.usage(&launched.handle).await.unwrap().memory.is_some());
    let ended = provider.ended(&launched.handle);
    provider.stop(&launched.handle).await.unwrap();
    timeout(PATIENCE, ended).await.unwrap();
    assert_eq!(provider.list().await.unwrap(), []);
}

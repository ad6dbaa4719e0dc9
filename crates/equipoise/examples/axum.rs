//! An axum program with a balancer in front of itself: its own routes answer `/hello`, three further copies of them stand
//! in for other machines, and a router of ours sends each tenant to its group.
//!
//! ```text
//! cargo run -p equipoise --example axum
//! curl -i localhost:8080/hello                      # round robin over the shared copies
//! curl -i localhost:8080/hello -H 'x-tenant: acme'  # always the copy of `acme`
//! ```
//!
//! Ctrl-C drains: what is under way finishes, for five seconds at most.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router as Routes;
use axum::http::request::Parts;
use axum::routing::get;
use equipoise::{Decision, Equipoise, GroupName, Router, Verdict};
use tokio::net::TcpListener;

/// Sends a request with `x-tenant: NAME` to the target group `NAME`, if there is one.
#[derive(Debug)]
struct ByTenant {
    known: Vec<GroupName>,
}

impl Router for ByTenant {
    fn route(&self, head: &mut Parts, _client: IpAddr) -> Decision {
        let tenant = head.headers.get("x-tenant").and_then(|value| value.to_str().ok());
        let group = self.known.iter().find(|group| Some(group.as_str()) == tenant);
        // Without a group of its own, a request goes where the rule says.
        let verdict = group.map_or(Verdict::Continue, |group| Verdict::Forward(group.clone()));
        Decision { verdict, ..Decision::default() }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [one, two, acme] = [serve("one").await?, serve("two").await?, serve("acme").await?];
    let configuration = format!(
        r#"
        drain-timeout = "5s"

        [listener.web]
        bind = "127.0.0.1:8080"
        default = {{ forward = "shared" }}

        [[listener.web.rule]]
        priority = 10
        then = {{ plugin = "by-tenant" }}

        [target-group.shared]
        targets = ["{one}", "{two}"]
        [target-group.shared.health-check.http]
        path = "/hello"

        [target-group.acme]
        targets = ["{acme}"]
        "#
    );
    Equipoise::builder()
        .config_text(configuration)
        .router("by-tenant", ByTenant { known: vec![GroupName::new("acme")?] })
        .without_admin()
        .build()?
        .run(async {
            // Failing to listen for Ctrl-C is a reason to end, too.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    Ok(())
}

/// Serves the program's own routes on a free loopback port until the program ends.
async fn serve(name: &'static str) -> Result<SocketAddr, Box<dyn Error>> {
    let slowly = async move || {
        tokio::time::sleep(Duration::from_millis(20)).await;
        format!("hello from {name}\n")
    };
    let routes = Routes::new().route("/hello", get(slowly));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}

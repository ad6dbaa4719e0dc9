//! Are the ports free? Asked before anything is started, so that the answer is short.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::args::DemoArgs;
use crate::failure::{Code, Failure};

pub(crate) fn check(ports: &DemoArgs) -> Result<(), Failure> {
    if ports.port == ports.admin_port {
        let error = anyhow::anyhow!("the listener and the admin address cannot share port {}", ports.port);
        return Err(Failure::new(Code::Usage, error).hint("give --port and --admin-port different values"));
    }
    let busy: Vec<_> =
        [(ports.port, "--port"), (ports.admin_port, "--admin-port")].into_iter().filter_map(busy).collect();
    if busy.is_empty() {
        return Ok(());
    }
    let problems: Vec<_> =
        busy.iter().map(|(address, _, error)| format!("cannot listen on {address}: {error}")).collect();
    let flags: Vec<_> = busy.iter().map(|(_, flag, _)| format!("{flag} PORT")).collect();
    let error = anyhow::anyhow!(problems.join("; "));
    Err(Failure::new(Code::Failed, error).hint(format!("choose other ports: equipoise demo {}", flags.join(" "))))
}

/// Tries the port without `SO_REUSEPORT`: with it, two balancers could share one and take each other's requests.
fn busy((port, flag): (u16, &'static str)) -> Option<(SocketAddr, &'static str, io::Error)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).err().map(|error| (address, flag, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo(port: u16, admin_port: u16) -> DemoArgs {
        DemoArgs { port, admin_port, cache: Default::default() }
    }

    #[test]
    fn a_busy_port_is_named_with_the_flag_that_avoids_it() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let failure = check(&demo(free, port)).unwrap_err();
        let text = failure.to_string();
        assert!(text.contains(&format!("127.0.0.1:{port}")) && text.contains("--admin-port"), "{text}");
        assert!(!text.contains(&free.to_string()), "{text}");
    }

    #[test]
    fn one_port_for_both_is_a_usage_error() {
        assert_eq!(check(&demo(1, 1)).unwrap_err().code(), Code::Usage);
    }
}

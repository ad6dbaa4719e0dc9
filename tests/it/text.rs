//! Pieces of configuration that many tests need.

/// A listener `web` on `port` that forwards everything to `group`.
pub(crate) fn listener(port: u16, group: &str) -> String {
    format!("[listener.web]\nbind = \"127.0.0.1:{port}\"\ndefault = {{ forward = \"{group}\" }}\n")
}

/// A target group without health checks.
pub(crate) fn group(name: &str, ports: &[u16]) -> String {
    let targets: Vec<_> = ports.iter().map(|port| format!("\"127.0.0.1:{port}\"")).collect();
    format!("[target-group.{name}]\nport = 80\ntargets = [{}]\n", targets.join(", "))
}

/// A quick HTTP health check for the group `name`.
pub(crate) fn http_check(name: &str, path: &str) -> String {
    format!(
        "[target-group.{name}.health-check.http]\npath = \"{path}\"\ninterval = \"100ms\"\ntimeout = \"90ms\"\n\
         healthy-threshold = 1\nunhealthy-threshold = 2\n"
    )
}

/// A plugin whose component lies beside the configuration, with further `terms`, one a line.
pub(crate) fn plugin(name: &str, file: &str, world: &str, terms: &str) -> String {
    format!("[plugin.{name}]\ncomponent = \"{file}\"\nworld = \"{world}\"\n{terms}")
}

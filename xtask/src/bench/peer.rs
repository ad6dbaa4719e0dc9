//! The proxies that are compared, and their configurations: four targets, keep-alive on both sides, no access log.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::process::{Pinned, free_port, is_installed};
use super::responder::PORTS;

/// A proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    Nginx,
    Haproxy,
    Ours,
}

/// What clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protocol {
    Http,
    Https,
    Tcp,
}

/// How a proxy is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Setting {
    pub(super) protocol: Protocol,
    pub(super) plugin: bool,
    pub(super) workers: usize,
}

impl Setting {
    pub(super) const PLAIN: Self = Self { protocol: Protocol::Http, plugin: false, workers: 1 };
    pub(super) const TLS: Self = Self { protocol: Protocol::Https, ..Self::PLAIN };
    pub(super) const TCP: Self = Self { protocol: Protocol::Tcp, ..Self::PLAIN };
    pub(super) const PLUGIN: Self = Self { plugin: true, ..Self::PLAIN };
    pub(super) const TWO_WORKERS: Self = Self { workers: 2, ..Self::PLAIN };
}

/// Where everything is.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) folder: tempfile::TempDir,
    binary: PathBuf,
    root: PathBuf,
}

impl Site {
    pub(super) fn new(binary: &Path) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
        let binary = binary.canonicalize().with_context(|| format!("there is no program at {}", binary.display()))?;
        Ok(Self { folder: tempfile::tempdir()?, binary, root: root.into() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    /// A certificate for `localhost` and its key, made once; and both in one file, as HAProxy wants them.
    fn certificate(&self) -> Result<[PathBuf; 3]> {
        let paths = ["cert.pem", "key.pem", "both.pem"].map(|name| self.path(name));
        let [certificate, key, both] = &paths;
        if !both.exists() {
            let made = Command::new("openssl")
                .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
                .args(["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
                .arg("-keyout")
                .arg(key)
                .arg("-out")
                .arg(certificate)
                .output()
                .context("running openssl")?;
            ensure!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
            fs::write(both, [fs::read(certificate)?, fs::read(key)?].concat())?;
        }
        Ok(paths)
    }
}

impl Peer {
    /// Those that are here. Says which are not.
    pub(super) fn installed() -> Vec<Self> {
        let found = |peer: &Self| match peer {
            Self::Ours => true,
            Self::Nginx | Self::Haproxy => {
                let there = is_installed(peer.name());
                if !there {
                    println!(
                        "{peer} is not installed, so nothing is compared with it (Debian: apt-get install {peer})"
                    );
                }
                there
            }
        };
        [Self::Nginx, Self::Haproxy, Self::Ours].into_iter().filter(found).collect()
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Ours => "equipoise",
        }
    }

    /// Starts the proxy and waits until it answers.
    pub(super) fn start(self, site: &Site, setting: &Setting) -> Result<Pinned> {
        let port = free_port()?;
        let [nginx, haproxy, ours] =
            ["nginx.conf", "haproxy.cfg", "equipoise.toml"].map(|name| format!("{port}-{name}"));
        let mut command = match self {
            Self::Nginx => {
                let mut command = Command::new("nginx");
                command.arg("-c").arg(site.write(&nginx, &nginx_conf(site, setting, port)?)?);
                command
            }
            Self::Haproxy => {
                let mut command = Command::new("haproxy");
                command.arg("-db").arg("-f").arg(site.write(&haproxy, &haproxy_cfg(site, setting, port)?)?);
                command
            }
            Self::Ours => {
                let mut command = Command::new(&site.binary);
                command.args(["run", "-c"]).arg(site.write(&ours, &equipoise_toml(site, setting, port)?)?);
                command
            }
        };
        Pinned::start(&mut command, port, setting.workers, &site.path(&format!("{port}.log")))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Each target as `before` and `after` put it.
fn targets(before: &str, after: &str) -> String {
    PORTS.map(|port| format!("{before}127.0.0.1:{port}{after}")).concat()
}

fn nginx_conf(site: &Site, setting: &Setting, port: u16) -> Result<String> {
    let folder = site.folder.path().display();
    let (top, events) = (
        format!(
            "daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid {folder}/{port}.pid; error_log stderr crit;\n"
        ),
        "events { worker_connections 19900; }\n",
    );
    let targets = targets("server ", "; ");
    if setting.protocol == Protocol::Tcp {
        let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
        ensure!(
            Path::new(module).exists(),
            "its stream module is missing (Debian: apt-get install libnginx-mod-stream)"
        );
        return Ok(format!(
            "load_module {module};\n{top}{events}stream {{ upstream be {{ {targets} }} server {{ listen 127.0.0.1:{port} backlog=4096; proxy_pass be; }} }}\n"
        ));
    }
    let tls = match setting.protocol {
        Protocol::Https => {
            let [certificate, key, _] = site.certificate()?.map(|path| path.display().to_string());
            format!("ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;")
        }
        _ => String::new(),
    };
    let listen = if tls.is_empty() { "" } else { " ssl http2" };
    let scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let scratch: String = scratch.map(|name| format!("{name}_temp_path {folder}/{port}-{name}; ")).concat();
    Ok(format!(
        "{top}{events}http {{\n  access_log off; keepalive_requests 100000000; keepalive_timeout 300s; server_tokens off;\n  {scratch}\n  {tls}\n  \
         upstream be {{ {targets} keepalive 1024; keepalive_requests 100000000; }}\n  \
         server {{ listen 127.0.0.1:{port}{listen} backlog=4096;\n    \
         location / {{ proxy_pass http://be; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host; }} }}\n}}\n"
    ))
}

fn haproxy_cfg(site: &Site, setting: &Setting, port: u16) -> Result<String> {
    let (mode, bind) = match setting.protocol {
        Protocol::Http => ("http", String::new()),
        Protocol::Tcp => ("tcp", String::new()),
        Protocol::Https => {
            let [_, _, both] = site.certificate()?;
            ("http", format!(" ssl crt {} alpn h2,http/1.1 ssl-min-ver TLSv1.3", both.display()))
        }
    };
    let reuse = if mode == "http" { "  http-reuse always\n" } else { "" };
    let mut number = 0;
    let targets: String = targets("  server t# ", "\n").split_inclusive('\n').fold(String::new(), |text, line| {
        number += 1;
        text + &line.replace('#', &number.to_string())
    });
    Ok(format!(
        "global\n  nbthread 1\n  fd-hard-limit 20000\n  maxconn 9700\ndefaults\n  mode {mode}\n  maxconn 9700\n  timeout connect 5s\n  \
         timeout client 300s\n  timeout server 300s\nlisten be\n  bind 127.0.0.1:{port} backlog 4096{bind}\n{reuse}  balance roundrobin\n{targets}"
    ))
}

fn equipoise_toml(site: &Site, setting: &Setting, port: u16) -> Result<String> {
    let listener = match setting.protocol {
        Protocol::Http => String::new(),
        Protocol::Tcp => "protocol = \"tcp\"\n".to_owned(),
        Protocol::Https => {
            let [certificate, key, _] = site.certificate()?.map(|path| path.display().to_string());
            format!(
                "protocol = \"https\"\ntls = {{ certificates = [{{ chain = \"{certificate}\", key = \"{key}\" }}] }}\n"
            )
        }
    };
    let rules = match setting {
        Setting { protocol: Protocol::Tcp, .. } => "",
        Setting { plugin: true, .. } => {
            "[[listener.web.rule]]\npriority = 10\nwhen = { path = \"/*\" }\nthen = { plugin = \"geo\", forward = \"other\" }\n"
        }
        _ => {
            "[[listener.web.rule]]\npriority = 10\nwhen = { path = \"/api/*\" }\nthen = { forward = \"be\" }\n\
             [[listener.web.rule]]\npriority = 20\nwhen = { host = \"other.example\" }\nthen = { respond = { status = 404 } }\n"
        }
    };
    let component = site.root.join("plugins/prebuilt/geo-router.wasm");
    let plugin = if setting.plugin {
        format!(
            "[target-group.other]\ntargets = [{}]\n[plugin.geo]\ncomponent = \"{}\"\nworld = \"router\"\nconfig = {{ groups = {{ au = \"be\" }} }}\n",
            targets("\"", "\", "),
            component.display()
        )
    } else {
        String::new()
    };
    let protocol = if setting.protocol == Protocol::Tcp { "protocol = \"tcp\"\n" } else { "" };
    Ok(format!(
        "workers = {}\n[admin]\nbind = \"127.0.0.1:0\"\n[listener.web]\nbind = \"127.0.0.1:{port}\"\n{listener}default = {{ forward = \"be\" }}\n\
         {rules}[target-group.be]\n{protocol}targets = [{}]\n{plugin}",
        setting.workers,
        targets("\"", "\", "),
    ))
}

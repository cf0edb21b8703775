//! Pebble, the ACME server of Let's Encrypt's makers, with a DNS server that leads every domain name to this machine.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a server may take to start: it makes RSA keys.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running Pebble.
pub(crate) struct Pebble {
    folder: TempDir,
    /// Where it is asked.
    pub(crate) directory_url: String,
    /// Where its keeper looks into it: `https://127.0.0.1:port`.
    pub(crate) management_url: String,
    /// Where it looks for the answers to HTTP-01.
    pub(crate) http: TcpListener,
    ports: Ports,
    extra: Value,
    acme: Option<Child>,
    dns: Option<Child>,
}

#[derive(Clone, Copy)]
struct Ports {
    acme: u16,
    management: u16,
    dns: u16,
    dns_management: u16,
}

impl Pebble {
    /// Starts it as its own makers set it up.
    pub(crate) fn start() -> Self {
        Self::start_with(&json!({}))
    }

    /// Starts it with these settings (of its `pebble` table) besides.
    pub(crate) fn start_with(extra: &Value) -> Self {
        // Another process may take a port between the draw and the start: draw again.
        (0..5).find_map(|_| Self::try_start(extra.clone())).expect("pebble must start")
    }

    fn try_start(extra: Value) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        make_certificates(folder.path());
        let draws: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let port = |index: usize| draws[index].local_addr().unwrap().port();
        let ports = Ports { acme: port(0), management: port(1), dns: port(2), dns_management: port(3) };
        drop(draws);
        let mut pebble = Self {
            folder,
            directory_url: format!("https://127.0.0.1:{}/dir", ports.acme),
            management_url: format!("https://127.0.0.1:{}", ports.management),
            http: TcpListener::bind("127.0.0.1:0").unwrap(),
            ports,
            extra,
            acme: None,
            dns: None,
        };
        pebble.dns = Some(pebble.start_dns());
        (pebble.listens(ports.dns_management) && pebble.start_acme()).then_some(pebble)
    }

    /// Ends it and starts it again: it forgets everything.
    pub(crate) fn restart(&mut self) {
        self.stop();
        assert!(self.start_acme(), "pebble must start again");
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        end(&mut self.acme);
    }

    /// The roots of its own TLS certificate.
    pub(crate) fn roots(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// A hook that makes and removes TXT records, and writes each call down.
    pub(crate) fn hook(&self) -> Vec<String> {
        let (hook, calls) = (self.folder.path().join("hook"), self.calls_file());
        let url = format!("http://127.0.0.1:{}", self.ports.dns_management);
        let script = format!(
            r#"#!/bin/sh -e
echo "$@" >>{calls}
case $1 in
  present) curl --fail --silent --data '{{"host": "'"$2"'.", "value": "'"$3"'"}}' {url}/set-txt ;;
  cleanup) curl --fail --silent --data '{{"host": "'"$2"'."}}' {url}/clear-txt ;;
esac
"#,
            calls = calls.display()
        );
        fs::write(&hook, script).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        vec![hook.display().to_string()]
    }

    /// The calls of the hook until now: action, name of the record, value.
    pub(crate) fn hook_calls(&self) -> Vec<[String; 3]> {
        let text = fs::read_to_string(self.calls_file()).unwrap_or_default();
        let call = |line: &str| -> [String; 3] {
            line.split(' ').map(str::to_owned).collect::<Vec<_>>().try_into().expect("three arguments")
        };
        text.lines().map(call).collect()
    }

    /// What it knows of a certificate with this serial number (hexadecimal digits).
    pub(crate) fn certificate_status(&self, serial_number: &str) -> Value {
        let url = format!("{}/cert-status-by-serial/{}", self.management_url, serial_number.to_lowercase());
        let output = Command::new("curl").args(["--fail", "--silent", "--cacert"]).arg(self.roots()).arg(url).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn calls_file(&self) -> PathBuf {
        self.folder.path().join("hook-calls")
    }

    fn start_dns(&self) -> Child {
        let address = |port: u16| format!("127.0.0.1:{port}");
        let mut command = program("TEST_PEBBLE_DNS");
        command.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv6", ""]);
        command.args(["-dns01", &address(self.ports.dns), "-management", &address(self.ports.dns_management)]);
        self.spawn(command, "dns.log")
    }

    fn start_acme(&mut self) -> bool {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let mut settings = json!({
            "listenAddress": format!("127.0.0.1:{}", self.ports.acme),
            "managementListenAddress": format!("127.0.0.1:{}", self.ports.management),
            "certificate": path("server.pem"),
            "privateKey": path("server.key"),
            "httpPort": self.http.local_addr().unwrap().port(),
            "tlsPort": 1,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "retryAfter": {"authz": 1, "order": 1},
            "certificateValidityPeriod": 90 * 24 * 60 * 60,
        });
        settings.as_object_mut().unwrap().extend(self.extra.as_object().unwrap().clone());
        fs::write(path("pebble.json"), json!({"pebble": settings}).to_string()).unwrap();
        let mut command = program("TEST_PEBBLE");
        command.arg("-config").arg(path("pebble.json"));
        command.arg("-dnsserver").arg(format!("127.0.0.1:{}", self.ports.dns));
        // Without the pauses that it makes for the clients' education, but with the nonces that it rejects for the same.
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "15").env("PEBBLE_AUTHZREUSE", "0");
        self.acme = Some(self.spawn(command, "pebble.log"));
        self.listens(self.ports.acme) && self.listens(self.ports.management)
    }

    fn spawn(&self, mut command: Command, log: &str) -> Child {
        let log = fs::File::create(self.folder.path().join(log)).unwrap();
        let command = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command.spawn().expect("setpriv must be there")
    }

    /// Waits until a server listens on `port`; false where one of them has ended.
    fn listens(&mut self, port: u16) -> bool {
        let began = Instant::now();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            let mut children = [&mut self.acme, &mut self.dns].into_iter().flatten();
            if children.any(|child| child.try_wait().unwrap().is_some()) {
                return false;
            }
            assert!(began.elapsed() < PATIENCE, "pebble does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        end(&mut self.acme);
        end(&mut self.dns);
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        // One that has ended already cannot be ended.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A program that ends with this test, however that ends.
fn program(variable: &str) -> Command {
    let path = std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} must name a program: run `make unit`, or `scripts/pebble cargo test`"));
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", &path]);
    command
}

/// A root, and a certificate under it for this machine.
fn make_certificates(folder: &Path) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(DnType::CommonName, "Pebble's own root");
    let root_certificate = root.self_signed(&root_key).unwrap();
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("root.pem"), root_certificate.pem()).unwrap();
    fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}

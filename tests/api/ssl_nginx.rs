//! nginx serves what is pushed into its folder.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    servable::Servable,
    ssl_folders::{DOMAIN, REGION, folder, probed, status},
    ssl_pushes::{copy_id, options},
    world::with_ssl,
};

/// nginx in a folder of its own. It is gone when dropped.
struct Nginx {
    process: Child,
    folder: TempDir,
    port: u16,
}

impl Nginx {
    /// Writes the configuration; the pair is not there yet, so nginx cannot start yet.
    fn prepare() -> (TempDir, u16) {
        let folder = tempfile::tempdir().unwrap();
        // The port is free again when the listener is dropped; nothing else here asks for a certain one.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = folder.path().display();
        let configuration = format!(
            "daemon off; worker_processes 2; pid {path}/pid; error_log {path}/error.log notice;\n\
             events {{ worker_connections 512; }}\n\
             http {{\n\
                 access_log off;\n\
                 client_body_temp_path {path}/t1; proxy_temp_path {path}/t2; fastcgi_temp_path {path}/t3;\n\
                 uwsgi_temp_path {path}/t4; scgi_temp_path {path}/t5;\n\
                 server {{\n\
                     listen 127.0.0.1:{port} ssl;\n\
                     ssl_certificate {path}/tls/fullchain.pem; ssl_certificate_key {path}/tls/privkey.pem;\n\
                     location / {{ return 200 'served'; }}\n\
                 }}\n\
             }}\n"
        );
        fs::write(folder.path().join("nginx.conf"), configuration).unwrap();
        (folder, port)
    }

    fn arguments(folder: &Path) -> Vec<String> {
        let (folder, conf) = (folder.display().to_string(), folder.join("nginx.conf").display().to_string());
        vec!["-p".into(), folder, "-c".into(), conf, "-e".into(), "stderr".into()]
    }

    fn start(folder: TempDir, port: u16) -> Self {
        let log = fs::File::create(folder.path().join("stderr.log")).unwrap();
        let process = Command::new(binary())
            .args(Self::arguments(folder.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("nginx is missing: run scripts/setup test");
        Self { process, folder, port }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers; killed, it could not.
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.process.wait();
    }
}

/// nginx, which may stand where only root looks.
fn binary() -> PathBuf {
    let places = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].map(PathBuf::from);
    places.into_iter().find(|path| path.exists()).unwrap_or_else(|| "nginx".into())
}

/// A connection of its own, trusting `roots` alone: handshake, request, answer. Gives the certificate that was served.
async fn visit(port: u16, roots: Arc<RootCertStore>) -> Result<Vec<u8>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(at_start::Verifier::new(roots)))
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| format!("connect: {error}"))?;
    let name = ServerName::try_from(DOMAIN).unwrap();
    let mut stream =
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| format!("TLS: {error}"))?;
    let request = format!("GET / HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| format!("write: {error}"))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(|error| format!("read: {error}"))?;
    if !answer.starts_with("HTTP/1.1 200") || !answer.ends_with("served") {
        return Err(format!("answer: {answer}"));
    }
    Ok(stream.get_ref().1.peer_certificates().unwrap()[0].to_vec())
}

/// Verifying a chain at the time of the tests' clock, not at the machine's.
mod at_start {
    use std::sync::Arc;

    use rustls::{
        DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
        client::{
            WebPkiServerVerifier,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        },
        pki_types::{CertificateDer, ServerName, UnixTime},
    };

    use crate::world::START_MS;

    #[derive(Debug)]
    pub(super) struct Verifier(Arc<WebPkiServerVerifier>);

    impl Verifier {
        pub(super) fn new(roots: Arc<RootCertStore>) -> Self {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            Self(WebPkiServerVerifier::builder_with_provider(roots, provider).build().unwrap())
        }
    }

    impl ServerCertVerifier for Verifier {
        fn verify_server_cert(
            &self,
            leaf: &CertificateDer<'_>,
            intermediates: &[CertificateDer<'_>],
            name: &ServerName<'_>,
            ocsp: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            let now = UnixTime::since_unix_epoch(std::time::Duration::from_millis(START_MS as u64));
            self.0.verify_server_cert(leaf, intermediates, name, ocsp, now)
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            leaf: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.0.verify_tls12_signature(message, leaf, signature)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            leaf: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.0.verify_tls13_signature(message, leaf, signature)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.supported_verify_schemes()
        }
    }
}

/// The roots of these certificates.
fn roots(certificates: &[&Servable]) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let chain = openccm_pki::Certificate::all_from_pem(&certificate.chain).unwrap();
        roots.add(chain[1].der().to_vec().into()).unwrap();
    }
    Arc::new(roots)
}

/// Visits until this certificate alone is served: nginx's old processes go on accepting beside the new ones for a while (100 ms,
/// and longer on a busy machine).
async fn until_served(port: u16, trusted: &Arc<RootCertStore>, certificate: &[u8]) {
    let mut in_a_row = 0;
    for _ in 0..100_000 {
        let served = visit(port, Arc::clone(trusted)).await;
        in_a_row = if served.is_ok_and(|served| served == certificate) { in_a_row + 1 } else { 0 };
        if in_a_row == 50 {
            return;
        }
    }
    panic!("another certificate is served on and on");
}

#[test]
fn nginx_serves_what_is_pushed_and_what_renews_it_without_a_dropped_connection() {
    // The worlds follow one another, each with an nginx of its own in the one folder.
    let (folder_of_nginx, port) = Nginx::prepare();
    let path = folder_of_nginx.path().to_owned();
    let script = "\"$@\" -t && exec \"$@\" -s reload";
    let program = binary().display().to_string();
    let arguments = Nginx::arguments(&path);
    let mut reload = vec!["sh", "-c", script, "sh", &program];
    reload.extend(arguments.iter().map(String::as_str));
    let target = probed(folder(&path.join("tls"), &reload), port, Duration::from_secs(20));
    let nginx = Mutex::new(Some(folder_of_nginx));
    with_ssl(&options(vec![target.clone()]), async |world| {
        let old = world.servable(&[DOMAIN]).await;
        // nginx does not start without a pair.
        fs::create_dir_all(path.join("tls")).unwrap();
        let pair = placeholder();
        fs::write(path.join("tls/fullchain.pem"), pair.0).unwrap();
        fs::write(path.join("tls/privkey.pem"), pair.1).unwrap();
        let nginx_folder = nginx.lock().unwrap().take().unwrap();
        let running = Nginx::start(nginx_folder, port);
        wait_for_port(running.port).await;

        copy_id(&world.batch_push(&old.id, "ELB", &[REGION]).await);
        assert_eq!(status(&world, &old.id).await, "SERVING");
        let new = world.servable(&[DOMAIN]).await;
        let trusted = roots(&[&old, &new]);
        until_served(port, &trusted, &old.der).await;

        // Visitors come all the time, before, during and after the renewal.
        let (done, served_so_far) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let visitors: Vec<_> = (0..8)
            .map(|_| {
                let (done, served_so_far, trusted) =
                    (Arc::clone(&done), Arc::clone(&served_so_far), Arc::clone(&trusted));
                tokio::spawn(async move {
                    let mut served = Vec::new();
                    while !done.load(Ordering::Relaxed) {
                        served.push(visit(port, Arc::clone(&trusted)).await);
                        served_so_far.fetch_add(1, Ordering::Relaxed);
                    }
                    served.push(visit(port, trusted).await);
                    served
                })
            })
            .collect();
        while served_so_far.load(Ordering::Relaxed) < 50 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.renew(&old.id, &new.id).await, 1);
        assert_eq!(world.retry_pushes().await, 1);
        assert_eq!(status(&world, &new.id).await, "SERVING");
        until_served(port, &trusted, &new.der).await;
        done.store(true, Ordering::Relaxed);
        let (mut with_old, mut with_new) = (0, 0);
        for visitor in visitors {
            for served in visitor.await.unwrap() {
                let served = served.unwrap();
                assert!(served == old.der || served == new.der);
                if served == old.der { with_old += 1 } else { with_new += 1 }
            }
        }
        assert!(with_old >= 50 && with_new >= 8, "{with_old} with the old certificate, {with_new} with the new one");
        assert_eq!(visit(port, Arc::clone(&trusted)).await.unwrap(), new.der);

        // The world of the other database has the same folder.
        nginx.lock().unwrap().replace(stop(running));
        let _ = fs::remove_dir_all(path.join("tls"));
    });
}

/// Ends nginx; gives its folder back.
fn stop(mut nginx: Nginx) -> TempDir {
    let folder = std::mem::replace(&mut nginx.folder, tempfile::tempdir().unwrap());
    drop(nginx);
    folder
}

/// Some certificate and its key, PEM.
fn placeholder() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["placeholder.example.com".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

async fn wait_for_port(port: u16) {
    for _ in 0..1_000_000 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("nginx does not listen");
}

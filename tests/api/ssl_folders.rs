//! Pushing into folders; and looking whether what was pushed is served.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
    sync::Arc,
    time::Duration,
};

use openccm_core::PushService;
use openccm_service::ssl::push::{FolderOptions, ProbeOptions, TargetKind, TargetOptions};
use serde_json::{Value, json};

use crate::{
    servable::Servable,
    ssl_pushes::{options, target},
    world::{HOUR_MS, World, with_ssl},
};

pub(crate) const REGION: &str = "cn-north-4";
pub(crate) const DOMAIN: &str = "shop.example.com";

/// A target that writes into `path`, and then runs `reload`.
pub(crate) fn folder(path: &Path, reload: &[&str]) -> TargetOptions {
    let reload = reload.iter().map(|argument| (*argument).to_owned()).collect();
    target(PushService::Elb, TargetKind::Folder(FolderOptions { reload, ..FolderOptions::new(path) }))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// The names of what is in a folder.
fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_gets_chain_and_key_with_owner_and_mode_and_then_the_reload() {
    let temp = tempfile::tempdir().unwrap();
    // The program sees the whole pair.
    let script = "cat \"$1\"/*/fullchain.pem \"$1\"/*/privkey.pem > \"$1\"/seen";
    let mut target = folder(&temp.path().join("{domain}"), &["sh", "-c", script, "sh", temp.path().to_str().unwrap()]);
    let (uid, gid) = {
        let of = fs::metadata(temp.path()).unwrap();
        (of.uid(), of.gid())
    };
    if let TargetKind::Folder(folder) = &mut target.kind {
        *folder = FolderOptions {
            owner: Some(uid),
            group: Some(gid),
            mode: 0o640,
            key_mode: 0o400,
            combined: true,
            ..folder.clone()
        };
    }
    with_ssl(&options(vec![target]), async |world| {
        let first = world.servable(&["*.example.com"]).await;
        world.push(&first.id, "ELB", REGION).await.no_content();
        let place = temp.path().join("_.example.com");
        assert_eq!(names(&place), ["combined.pem", "fullchain.pem", "privkey.pem"]);
        for cert in [first.clone(), world.reissue(&first.id, &["*.example.com"]).await] {
            world.push(&cert.id, "ELB", REGION).await.no_content();
            let (chain, key) = (read(&place.join("fullchain.pem")), read(&place.join("privkey.pem")));
            if cert.der == first.der {
                continue;
            }
            assert_eq!(chain, cert.chain.replace("\r\n", "\n"));
            assert_eq!(
                openssl_public_key(&place.join("privkey.pem"), "pkey"),
                openssl_public_key(&place.join("fullchain.pem"), "x509")
            );
            assert_eq!(read(&place.join("combined.pem")), chain.clone() + &key);
            assert_eq!(read(&temp.path().join("seen")), chain + &key);
            assert_eq!(names(&place), ["combined.pem", "fullchain.pem", "privkey.pem"]);
        }
        for (name, mode) in [("fullchain.pem", 0o640), ("privkey.pem", 0o400), ("combined.pem", 0o400)] {
            let metadata = fs::metadata(place.join(name)).unwrap();
            assert_eq!(
                (metadata.permissions().mode() & 0o7777, metadata.uid(), metadata.gid()),
                (mode, uid, gid),
                "{name}"
            );
        }
        fs::remove_dir_all(&place).unwrap();
    });
}

/// What openssl says is the public key of a key (`pkey`) or certificate (`x509`).
fn openssl_public_key(file: &Path, kind: &str) -> String {
    let options: &[&str] = if kind == "pkey" { &["-pubout"] } else { &["-noout", "-pubkey"] };
    let output = Command::new("openssl").args([kind, "-in"]).arg(file).args(options).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("PUBLIC KEY"), "{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn a_reload_that_fails_puts_the_old_pair_back() {
    let temp = tempfile::tempdir().unwrap();
    let (place, bad, runs) = (temp.path().join("tls"), temp.path().join("bad"), temp.path().join("runs"));
    let script = "echo run >> \"$2\"; if [ -e \"$1\" ]; then echo 'nginx: [emerg] no good' >&2; exit 1; fi";
    let target = folder(&place, &["sh", "-c", script, "sh", bad.to_str().unwrap(), runs.to_str().unwrap()]);
    with_ssl(&options(vec![target]), async |world| {
        fs::write(&bad, "").unwrap();
        let first = world.servable(&[DOMAIN]).await;
        let message = world.push(&first.id, "ELB", REGION).await.error(400, "SCM.0201");
        assert!(message.contains("[emerg] no good") && message.contains("exit status: 1"), "{message}");
        // There was nothing before.
        assert_eq!(names(&place), Vec::<String>::new());
        fs::remove_file(&bad).unwrap();
        world.push(&first.id, "ELB", REGION).await.no_content();
        let before = (read(&place.join("fullchain.pem")), read(&place.join("privkey.pem")));

        fs::write(&bad, "").unwrap();
        fs::write(&runs, "").unwrap();
        let second = world.servable(&[DOMAIN]).await;
        world.push(&second.id, "ELB", REGION).await.error(400, "SCM.0201");
        assert_eq!((read(&place.join("fullchain.pem")), read(&place.join("privkey.pem"))), before);
        // Once for the new pair, once for the old one.
        assert_eq!(read(&runs), "run\nrun\n");
        assert_eq!(names(&place), ["fullchain.pem", "privkey.pem"]);
        world.clock.advance(HOUR_MS);
        assert_eq!(world.retry_pushes().await, 0);
        fs::remove_file(&bad).unwrap();
        fs::remove_dir_all(&place).unwrap();
    });
}

#[test]
fn a_folder_that_cannot_be_written_is_a_failure_that_may_pass() {
    let temp = tempfile::tempdir().unwrap();
    let place = temp.path().join("file").join("tls");
    with_ssl(&options(vec![folder(&place, &[])]), async |world| {
        // A file stands where a folder is to be made.
        fs::write(temp.path().join("file"), "").unwrap();
        let cert = world.servable(&[DOMAIN]).await;
        world.push(&cert.id, "ELB", REGION).await.error(500, "SCM.0203");
        fs::remove_file(temp.path().join("file")).unwrap();
        world.clock.advance(HOUR_MS);
        assert_eq!(world.retry_pushes().await, 1);
        assert_eq!(read(&place.join("fullchain.pem")), cert.chain.replace("\r\n", "\n"));
        fs::remove_dir_all(temp.path().join("file")).unwrap();
    });
    let missing = folder(&temp.path().join("tls"), &["/no/such/program"]);
    with_ssl(&options(vec![missing]), async |world| {
        let cert = world.servable(&[DOMAIN]).await;
        let message = world.push(&cert.id, "ELB", REGION).await.error(400, "SCM.0201");
        assert!(message.contains("/no/such/program cannot be run"), "{message}");
    });
}

/// The same, looked at on this port of this machine.
pub(crate) fn probed(mut target: TargetOptions, port: u16, patience: Duration) -> TargetOptions {
    target.probe = Some(ProbeOptions { address: format!("127.0.0.1:{port}"), patience });
    target
}

/// How the last push of a certificate stands.
pub(crate) async fn status(world: &World, id: &str) -> Value {
    world.pushes(id).await[0]["push_status"].clone()
}

#[test]
fn what_is_accepted_and_not_served_is_told_apart_and_looked_at_again() {
    let temp = tempfile::tempdir().unwrap();
    // Nobody listens there yet.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let target = probed(folder(&temp.path().join("tls"), &[]), port, Duration::ZERO);
    with_ssl(&options(vec![target]), async |world| {
        let cert = world.servable(&[DOMAIN]).await;
        let results = world.batch_push(&cert.id, "ELB", &[REGION]).await;
        assert_eq!(results[0]["cert_id"], json!(cert.id));
        let message = results[0]["message"].as_str().unwrap();
        assert!(message.starts_with("Accepted, but not served: cannot be reached"), "{message}");
        world.push(&cert.id, "ELB", REGION).await.no_content();
        assert_eq!(status(&world, &cert.id).await, "NOT_SERVING");

        // Another certificate is served there.
        let other = world.servable(&[DOMAIN]).await;
        let serving = serve(port, &other).await;
        world.clock.advance(HOUR_MS);
        assert_eq!(world.retry_pushes().await, 1);
        assert_eq!(status(&world, &cert.id).await, "NOT_SERVING");
        serving.abort();
        let _ = serving.await;

        // At last it is the one that was pushed: nothing is written again for that.
        fs::remove_dir_all(temp.path().join("tls")).unwrap();
        let serving = serve(port, &cert).await;
        world.clock.advance(HOUR_MS);
        assert_eq!(world.retry_pushes().await, 1);
        assert_eq!(status(&world, &cert.id).await, "SERVING");
        assert!(!temp.path().join("tls").exists());
        world.clock.advance(HOUR_MS);
        assert_eq!(world.retry_pushes().await, 0);
        serving.abort();
        let _ = serving.await;
    });
}

/// A TLS server that shows this certificate on this port.
async fn serve(port: u16, certificate: &Servable) -> tokio::task::JoinHandle<()> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(certificate.key.clone()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der.clone().into()], key)
        .unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = acceptor.accept(stream).await;
        }
    })
}

#[test]
fn a_folder_with_another_accounts_certificate_is_not_overwritten() {
    let temp = tempfile::tempdir().unwrap();
    let place = temp.path().join("tls");
    let target = TargetOptions { region: Some(REGION.to_owned()), ..folder(&place, &[]) };
    with_ssl(&options(vec![target]), async |world| {
        let first = world.servable(&[DOMAIN]).await;
        world.push(&first.id, "ELB", REGION).await.no_content();
        let bob = world.add_account("bob", true).await;
        let theirs = world.servable_of(&bob, &[DOMAIN], true).await;
        let push = json!({"target_service": "ELB", "target_project": REGION});
        let path = format!("/v3/scm/certificates/{}/push", theirs.id);
        for _ in 0..2 {
            let message = world.call_as(&bob, "POST", &path, push.clone()).await.error(400, "SCM.0201");
            assert!(message.contains("another account") && !message.contains(&world.account.id), "{message}");
            assert_eq!(read(&place.join("fullchain.pem")), first.chain.replace("\r\n", "\n"));
        }
        // Whose it is may go on, also after its certificate was issued anew; and the other one where it is gone.
        world.reissue(&first.id, &[DOMAIN]).await;
        world.push(&first.id, "ELB", REGION).await.no_content();
        let second = world.servable(&[DOMAIN]).await;
        world.push(&second.id, "ELB", REGION).await.no_content();
        world.call_as(&bob, "POST", &path, push.clone()).await.error(400, "SCM.0201");
        fs::remove_dir_all(&place).unwrap();
        world.call_as(&bob, "POST", &path, push).await.no_content();
        assert_eq!(read(&place.join("fullchain.pem")), theirs.chain.replace("\r\n", "\n"));
        fs::remove_dir_all(&place).unwrap();
    });
}

#[test]
fn a_reload_that_leaves_a_program_behind_is_over_when_it_ends() {
    let temp = tempfile::tempdir().unwrap();
    let place = temp.path().join("tls");
    with_ssl(&options(vec![folder(&place, &["sh", "-c", "sleep 100 & echo reloaded >&2"])]), async |world| {
        let cert = world.servable(&[DOMAIN]).await;
        let began = std::time::Instant::now();
        world.push(&cert.id, "ELB", REGION).await.no_content();
        assert!(began.elapsed() < Duration::from_secs(25));
        fs::remove_dir_all(&place).unwrap();
    });
}

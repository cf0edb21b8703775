//! Pushing into a folder, for a server on this machine such as nginx or HAProxy.
//!
//! All files are written beside their places first; then each takes its place at once (rename(2)), and only then is the
//! server told to read them: a reload by this target never sees half of a pair. Where the reload fails, the files that were
//! there before are put back and the server reads those again.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use openccm_pki::Certificate;
use openccm_store::ssl_pushes as store;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::{
    failure::{FailureKind, Fault},
    options::FolderOptions,
    target::{PushTarget, Pushed, Resource},
    text::{bounded, plain_name},
};
use crate::{OpenCcm, program};

/// A folder.
pub(super) struct Folder {
    pub(super) ccm: OpenCcm,
    pub(super) options: FolderOptions,
}

/// What is to be in a file.
struct Content {
    name: &'static str,
    text: Zeroizing<Vec<u8>>,
    mode: u32,
}

/// What was in a file before, with its mode; none where there was no file.
type Former = (PathBuf, Option<(Zeroizing<Vec<u8>>, u32)>);

#[async_trait]
impl PushTarget for Folder {
    async fn push(&self, pushed: &Pushed, _: Option<&str>) -> Result<String, Fault> {
        let folder = self.path(pushed)?;
        // One at a time: the files of two certificates must not be mixed.
        let lock = self.ccm.database().lock(&format!("push-folder:{}", folder.display())).await;
        let _lock = lock.map_err(Fault::failed)?;
        self.check_owner(&folder, pushed).await?;
        let former = {
            let (folder, contents, options) = (folder.clone(), self.contents(pushed), self.options.clone());
            run(move || replace(&folder, &contents, &options)).await?
        };
        if let Err(fault) = self.reload().await {
            tracing::warn!(folder = %folder.display(), reason = fault.reason, "the reload failed: the files before are back");
            let had_pair = former.iter().any(|(_, content)| content.is_some());
            let options = self.options.clone();
            run(move || put_back(&folder, former, &options)).await?;
            // What the reload did do must not stay.
            if had_pair && let Err(fault) = self.reload().await {
                tracing::error!(reason = fault.reason, "the reload of the files before failed too");
            }
            return Err(fault);
        }
        Ok(pushed.certificate_id.clone())
    }

    async fn bind(&self, _: &Pushed, _: &str, _: &Resource) -> Result<(), Fault> {
        // Whatever reads the folder serves it.
        Ok(())
    }
}

impl Folder {
    fn path(&self, pushed: &Pushed) -> Result<PathBuf, Fault> {
        let domain = pushed.domains.first().ok_or_else(|| Fault::refused("the certificate has no domain name"))?;
        let path = self.options.path.replace("{domain}", &plain_name(domain));
        Ok(PathBuf::from(path.replace("{name}", &plain_name(&pushed.name))))
    }

    fn contents(&self, pushed: &Pushed) -> Vec<Content> {
        let chain = pushed.full_chain_pem();
        let key = pushed.private_key_pem.as_bytes();
        let mut contents = vec![
            Content { name: "privkey.pem", text: key.to_vec().into(), mode: self.options.key_mode },
            Content { name: "fullchain.pem", text: chain.clone().into_bytes().into(), mode: self.options.mode },
        ];
        if self.options.combined {
            let text = [chain.as_bytes(), key].concat();
            contents.push(Content { name: "combined.pem", text: text.into(), mode: self.options.key_mode });
        }
        contents
    }

    /// Refuses to overwrite another account's certificate. What no service is known to have is nobody's.
    async fn check_owner(&self, folder: &Path, pushed: &Pushed) -> Result<(), Fault> {
        let path = folder.join("fullchain.pem");
        let held = run(move || match fs::read(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        });
        let Some(text) = held.await? else { return Ok(()) };
        let certificates = Certificate::all_from_pem(&String::from_utf8_lossy(&text)).unwrap_or_default();
        let Some(held) = certificates.first() else { return Ok(()) };
        let mut session = self.ccm.database().read().await.map_err(Fault::failed)?;
        let owners = store::list_owners(&mut session, &held.digest()).await.map_err(Fault::failed)?;
        if owners.is_empty() || owners.contains(&pushed.account_id) {
            return Ok(());
        }
        Err(Fault::refused("the folder has another account's certificate"))
    }

    /// Runs the program that has the server read the files again.
    async fn reload(&self) -> Result<(), Fault> {
        let Some(program) = self.options.reload.first() else { return Ok(()) };
        let ended = program::run(&self.options.reload, &[], self.options.reload_timeout).await;
        let ended = ended.map_err(|error| Fault::refused(format!("{program} cannot be run: {error}")))?;
        match ended.status {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(Fault::refused(format!("{program} ended with {status}: {}", bounded(&ended.errors)))),
            None => Err(Fault::failed(format!("{program} took too long"))),
        }
    }
}

async fn run<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Fault> {
    match spawn_blocking(work).await {
        Ok(result) => result.map_err(|error| {
            let kind = match error.kind() {
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => FailureKind::Forbidden,
                _ => FailureKind::Failed,
            };
            Fault::new(kind, format!("the folder: {error}"))
        }),
        Err(error) => Err(Fault::failed(error)),
    }
}

/// Puts all contents in their places; gives what was there before. Where one cannot be written, none takes its place.
fn replace(folder: &Path, contents: &[Content], options: &FolderOptions) -> io::Result<Vec<Former>> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let mut former = Vec::new();
    for content in contents {
        write_beside(folder, content, options)?;
        let path = folder.join(content.name);
        let before = match fs::read(&path) {
            Ok(text) => Some((Zeroizing::new(text), fs::metadata(&path)?.permissions().mode() & 0o7777)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        former.push((path, before));
    }
    for content in contents {
        fs::rename(beside(folder, content.name), folder.join(content.name))?;
    }
    File::open(folder)?.sync_all()?;
    Ok(former)
}

/// Undoes [`replace`].
fn put_back(folder: &Path, former: Vec<Former>, options: &FolderOptions) -> io::Result<()> {
    for (path, before) in former {
        match (before, path.file_name().and_then(|name| name.to_str())) {
            (Some((text, mode)), Some(name)) => {
                let name = ["privkey.pem", "fullchain.pem", "combined.pem"].into_iter().find(|known| *known == name);
                let Some(name) = name else { continue };
                write_beside(folder, &Content { name, text, mode }, options)?;
                fs::rename(beside(folder, name), &path)?;
            }
            _ => fs::remove_file(&path)?,
        }
    }
    File::open(folder)?.sync_all()
}

/// Where a file is written before it takes its place.
fn beside(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}.new"))
}

/// Writes a file to the disk, beside its place. Nobody else can read it before it has its owner and mode.
fn write_beside(folder: &Path, content: &Content, options: &FolderOptions) -> io::Result<()> {
    let path = beside(folder, content.name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(&content.text)?;
    if options.owner.is_some() || options.group.is_some() {
        fchown(&file, options.owner, options.group)?;
    }
    file.set_permissions(fs::Permissions::from_mode(content.mode))?;
    file.sync_all()
}

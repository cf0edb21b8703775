//! The zip archives: which files each kind of server gets.

use std::io::{Cursor, Write};

use zeroize::Zeroizing;
use zip::write::SimpleFileOptions;
use zip::{DateTime, ZipWriter};

use super::password::{self, validate_jks_password, validate_password};
use super::{ExportError, Material, ServerType, jks, pkcs12, private_key_pem};
use crate::pem;

/// The generated password of a keystore, without a line ending, so that it can be read as it is.
const KEYSTORE_PASSWORD: &str = "keystorePass.txt";
/// The private key, PEM.
const KEY: &str = "server.key";

/// Makes the archive that [`archive_name`] names. With a private key it holds
///
/// | type   | files |
/// |--------|-------|
/// | APACHE | `server.key`, `chain.crt`, `server.crt` |
/// | NGINX  | `server.key`, `server.crt` (certificate, then chain) |
/// | IIS    | `keystorePass.txt`, `server.pfx` |
/// | TOMCAT | `keystorePass.txt`, `server.jks` |
/// | OTHER  | `server.key`, `chain.pem`, `server.pem` |
///
/// and without one (the certificate was issued from a client's request) `chain.crt` and `server.crt` for APACHE, IIS and
/// TOMCAT, `server.crt` for NGINX, `chain.pem` and `cert.pem` for OTHER.
///
/// With a password, PEM keys are encrypted and keystores protected with it, and there is no `keystorePass.txt`. Without
/// one, keystores get a random password, which that file tells. PEM files have CRLF line endings.
///
/// Blocks for some tens of milliseconds if something is encrypted.
///
/// # Errors
/// [`ExportError::Password`] if the password breaks a rule; every other error means that the material is damaged or the
/// system has failed.
pub fn bundle(
    material: &Material<'_>,
    server_type: ServerType,
    password: Option<&str>,
) -> Result<Vec<u8>, ExportError> {
    if let Some(password) = password {
        validate_password(password)?;
    }
    let files = files_for(material, server_type, password)?;
    archive(&files.into_iter().map(|file| ("", file)).collect::<Vec<_>>())
}

/// Makes an archive for whatever server there is: a folder for each kind, `Apache`, `Nginx`, `IIS` and `Tomcat`, with the
/// files that [`bundle`] makes for it without a password.
///
/// Blocks for some tens of milliseconds if there is a private key.
///
/// # Errors
/// The material is damaged, or the system has failed.
pub fn bundle_for_all(material: &Material<'_>) -> Result<Vec<u8>, ExportError> {
    const FOLDERS: [(ServerType, &str); 4] = [
        (ServerType::Apache, "Apache/"),
        (ServerType::Nginx, "Nginx/"),
        (ServerType::Iis, "IIS/"),
        (ServerType::Tomcat, "Tomcat/"),
    ];
    let mut files = Vec::new();
    for (server_type, folder) in FOLDERS {
        let of_server = files_for(material, server_type, None)?;
        files.extend(of_server.into_iter().map(|file| (folder, file)));
    }
    archive(&files)
}

fn files_for(
    material: &Material<'_>,
    server_type: ServerType,
    password: Option<&str>,
) -> Result<Vec<File>, ExportError> {
    match material.private_key {
        Some(key) => with_key(material, key, server_type, password),
        None => Ok(without_key(material, server_type)),
    }
}

/// Name of the archive, as the API reference gives it: `test_apache.zip` for a certificate called `test`.
#[must_use]
pub fn archive_name(certificate_name: &str, server_type: ServerType) -> String {
    format!("{certificate_name}_{}.zip", server_type.as_str().to_ascii_lowercase())
}

/// A file in the archive. Wiped when dropped, since it may hold a key or a password.
struct File {
    name: &'static str,
    content: Zeroizing<Vec<u8>>,
    /// Unix permission bits for those who unpack it.
    mode: u32,
}

impl File {
    fn public(name: &'static str, content: String) -> Self {
        Self { name, content: Zeroizing::new(content.into_bytes()), mode: 0o644 }
    }

    fn secret(name: &'static str, content: Vec<u8>) -> Self {
        Self { name, content: Zeroizing::new(content), mode: 0o600 }
    }
}

fn with_key(
    material: &Material<'_>,
    key: &[u8],
    server_type: ServerType,
    password: Option<&str>,
) -> Result<Vec<File>, ExportError> {
    let pem_key = || Ok::<_, ExportError>(File::secret(KEY, private_key_pem(key, password)?.as_bytes().to_vec()));
    Ok(match server_type {
        ServerType::Apache => {
            vec![pem_key()?, chain("chain.crt", material), certificate("server.crt", material)]
        }
        ServerType::Nginx => vec![pem_key()?, full_chain("server.crt", material)],
        ServerType::Other => {
            vec![pem_key()?, chain("chain.pem", material), certificate("server.pem", material)]
        }
        ServerType::Iis => keystore(password, |password| Ok(File::secret("server.pfx", pkcs12(material, password)?)))?,
        ServerType::Tomcat => keystore(password, |password| {
            validate_jks_password(password)?;
            Ok(File::secret("server.jks", jks(material, password)?))
        })?,
    })
}

fn without_key(material: &Material<'_>, server_type: ServerType) -> Vec<File> {
    match server_type {
        ServerType::Apache | ServerType::Iis | ServerType::Tomcat => {
            vec![chain("chain.crt", material), certificate("server.crt", material)]
        }
        ServerType::Nginx => vec![full_chain("server.crt", material)],
        ServerType::Other => vec![chain("chain.pem", material), certificate("cert.pem", material)],
    }
}

/// The keystore that `make` gives for the client's password, or for a generated one, which then goes before it.
fn keystore(
    password: Option<&str>,
    make: impl FnOnce(&str) -> Result<File, ExportError>,
) -> Result<Vec<File>, ExportError> {
    match password {
        Some(password) => Ok(vec![make(password)?]),
        None => {
            let password = password::generate()?;
            let told = File::secret(KEYSTORE_PASSWORD, password.as_bytes().to_vec());
            Ok(vec![told, make(&password)?])
        }
    }
}

fn certificate(name: &'static str, material: &Material<'_>) -> File {
    pem_file(name, std::iter::once(material.certificate))
}

fn chain(name: &'static str, material: &Material<'_>) -> File {
    pem_file(name, material.chain.iter().map(Vec::as_slice))
}

fn full_chain(name: &'static str, material: &Material<'_>) -> File {
    pem_file(name, material.full_chain())
}

/// A file of certificates, which ends with a line ending unless there are none.
fn pem_file<'a>(name: &'static str, certificates: impl Iterator<Item = &'a [u8]>) -> File {
    let mut text = pem::encode_all(pem::CERTIFICATE, certificates);
    if !text.is_empty() {
        text.push_str("\r\n");
    }
    File::public(name, text)
}

/// The files, each in its folder.
fn archive(files: &[(&str, File)]) -> Result<Vec<u8>, ExportError> {
    // A fixed date: the same material gives archives that differ only where they must, and no clock is read.
    let options = SimpleFileOptions::default().last_modified_time(DateTime::DEFAULT);
    // Room for everything, headers included: growing would leave unwiped copies of plain keys behind.
    let capacity = files.iter().map(|(_, file)| file.content.len() + 256).sum();
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(capacity)));
    for (folder, file) in files {
        zip.start_file(format!("{folder}{}", file.name), options.unix_permissions(file.mode))?;
        zip.write_all(&file.content).map_err(zip::result::ZipError::from)?;
    }
    Ok(zip.finish()?.into_inner())
}

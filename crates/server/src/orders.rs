//! The operator's part in orders of SSL certificates: applications that name an organization wait for a verdict.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use clap::Subcommand;
use openccm_core::SystemClock;
use openccm_service::{
    Error, OpenCcm,
    ssl::orders::{self, Verdict, Waiting},
};
use openccm_store::Database;

use crate::{buckets, files::write_private, master_key, serve::options, settings::Settings};

/// The commands.
#[derive(Subcommand)]
pub(crate) enum ScmCommand {
    /// Print the applications that wait for a verdict, a line each.
    List,
    /// Print an application that waits for a verdict.
    Show {
        /// The certificate's id.
        id: String,
        /// Write the uploaded pictures into this folder.
        #[arg(long, value_name = "FOLDER")]
        pictures: Option<PathBuf>,
    },
    /// Approve an application: the certificate is issued.
    Approve {
        /// The certificate's id.
        id: String,
        /// The application's digest, as `scm list` and `scm show` print it: what was sent anew since is not approved.
        digest: String,
    },
    /// Refuse an application.
    Reject {
        /// The certificate's id.
        id: String,
        /// Why: the applicant reads it.
        #[arg(long)]
        reason: String,
    },
}

/// Does what the command says. Gives what is to be printed.
pub(crate) async fn run(settings: &Settings, command: ScmCommand) -> anyhow::Result<String> {
    match command {
        ScmCommand::List => list(settings).await,
        ScmCommand::Show { id, pictures } => show(settings, &id, pictures.as_deref()).await,
        ScmCommand::Approve { id, digest } => review(settings, &id, Verdict::Approve(digest)).await,
        ScmCommand::Reject { id, reason } => review(settings, &id, Verdict::Reject(reason)).await,
    }
}

/// Lists the applications that wait, a line each.
async fn list(settings: &Settings) -> anyhow::Result<String> {
    let ccm = open(settings).await?;
    let waiting = orders::list_to_review(&ccm).await;
    ccm.database().close().await;
    let mut text = String::new();
    for Waiting { row, applicant, digest, .. } in waiting? {
        let company = applicant.company_name.unwrap_or_default();
        let _ = writeln!(text, "{}  {digest}  {}  {}", row.id, row.domains().join(";"), printable(&company));
    }
    Ok(text)
}

/// Shows an application that waits, and writes its pictures into a folder.
async fn show(settings: &Settings, id: &str, pictures: Option<&Path>) -> anyhow::Result<String> {
    let ccm = open(settings).await?;
    let waiting = orders::list_to_review(&ccm).await;
    ccm.database().close().await;
    let Some(found) = waiting?.into_iter().find(|waiting| waiting.row.id == id) else {
        bail!("{id} does not wait for a verdict");
    };
    let (row, applicant) = (found.row, found.applicant);
    let mut text = String::new();
    for (name, value) in [
        ("certificate", Some(row.id.clone())),
        ("digest", Some(found.digest)),
        ("type", row.certificate_type.clone()),
        ("domain names", Some(row.domains().join(";"))),
        ("organization", applicant.company_name),
        ("unit", applicant.company_unit),
        ("city", applicant.company_city),
        ("province", applicant.company_province),
        ("country", applicant.country),
        ("applicant", applicant.applicant_name),
        ("phone", applicant.applicant_phone),
        ("mail", applicant.applicant_email),
        ("contact", applicant.contact_name),
        ("contact's phone", applicant.contact_phone),
        ("contact's mail", applicant.contact_email),
    ] {
        let _ = writeln!(text, "{name:<16} {}", printable(&value.unwrap_or_default()));
    }
    for event in &found.events {
        let what = format!("{} {} {}", event.event, event.actor, event.detail);
        let _ = writeln!(text, "{:<16} {}", event.happened_at, printable(what.trim_end()));
    }
    for (kind, media_type, bytes) in &found.pictures {
        let _ = writeln!(text, "{:<16} {media_type}, {} bytes", format!("picture {kind}"), bytes.len());
        if let Some(folder) = pictures {
            let extension = media_type.rsplit('/').next().unwrap_or_default();
            let path = folder.join(format!("{id}-{kind}.{extension}"));
            write_private(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
            let _ = writeln!(text, "{:<16} {}", "", path.display());
        }
    }
    Ok(text)
}

/// What of a text can be shown on a terminal: an applicant wrote it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Gives the operator's verdict on an application.
async fn review(settings: &Settings, id: &str, verdict: Verdict) -> anyhow::Result<String> {
    let ccm = open(settings).await?;
    let operator = format!("operator:{}", std::env::var("USER").unwrap_or_default());
    let said = if matches!(verdict, Verdict::Approve(_)) { "approved" } else { "rejected" };
    let outcome = orders::review(&ccm, id, &operator, verdict).await;
    ccm.database().close().await;
    match outcome {
        Err(Error::NotFound) => bail!("there is no certificate {id}"),
        outcome => outcome?,
    }
    Ok(format!("the application for {id} is {said}\n"))
}

/// A certificate manager beside the server, on the same database.
async fn open(settings: &Settings) -> anyhow::Result<OpenCcm> {
    let store = buckets::open(settings)?;
    let database = Database::connect(&settings.database_url()?).await.context("the database cannot be opened")?;
    let master_key = master_key::load(settings, &database).await?;
    let url = settings.public_url(settings.listen);
    let revocation_url = settings.revocation_url(&url, settings.revocation_listen);
    let mut options = options(settings, url, revocation_url, store)?;
    options.key_pool = openccm_service::KeyPoolSizes { rsa2048: 0, rsa4096: 0 };
    Ok(OpenCcm::new(database, master_key, Arc::new(SystemClock), options))
}

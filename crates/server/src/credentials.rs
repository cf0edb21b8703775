//! The credentials of the first account, in a file that scripts read.

use std::path::PathBuf;

use anyhow::Context;
use openccm_auth::Secret;
use openccm_service::{
    OpenCcm,
    bootstrap::{Credentials, FirstAccount, make_first_account},
};
use serde_json::json;

use crate::{files::write_private, settings::Settings};

pub(crate) fn path(settings: &Settings) -> PathBuf {
    settings.data_dir.join("credentials.json")
}

/// Makes the first account on an empty database, and writes its credentials.
pub(crate) async fn make(ccm: &OpenCcm, settings: &Settings) -> anyhow::Result<()> {
    let (ak, sk) = (settings.bootstrap_ak()?, settings.bootstrap_sk()?);
    let first = FirstAccount {
        account_name: settings.bootstrap_domain_name.clone(),
        project_name: settings.bootstrap_project_name.clone(),
        user_name: settings.bootstrap_user_name.clone(),
        password: settings.bootstrap_password()?,
        access_key: ak.zip(sk).map(|(ak, sk): (Secret, Secret)| (ak.expose().to_owned(), sk)),
    };
    let path = path(settings);
    let write = |credentials: &Credentials| {
        let content = serde_json::to_vec_pretty(&json!({
            "endpoint": ccm.public_url(),
            "domain_id": credentials.domain_id,
            "domain_name": credentials.domain_name,
            "project_id": credentials.project_id,
            "project_name": credentials.project_name,
            "user_name": credentials.user_name,
            "password": credentials.password.expose(),
            "ak": credentials.ak,
            "sk": credentials.sk.expose(),
        }))?;
        write_private(&path, &content)
    };
    let made = make_first_account(ccm, first, write)
        .await
        .with_context(|| format!("the first account cannot be made, with its credentials in {}", path.display()))?;
    if made {
        tracing::info!(path = %path.display(), "made the first account and wrote its credentials");
    }
    Ok(())
}

/// The credentials as JSON.
pub(crate) fn show(settings: &Settings) -> anyhow::Result<String> {
    let path = path(settings);
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("{} cannot be read: the first start on an empty database writes it", path.display())
    })?;
    Ok(text.trim_end().to_owned() + "\n")
}

//! The domain names of API gateways, as the operator makes them known: the commands.

use std::fmt::Write;

use anyhow::Context;
use clap::{Args, Subcommand};
use openccm_core::{Clock, Ids, SystemClock};
use openccm_service::gateway::domains::{self, Registration};
use openccm_store::Database;

use crate::settings::Settings;

/// `openccm apig domain …`
#[derive(Subcommand)]
pub(crate) enum DomainCommand {
    /// Make a domain name of a gateway known. One that is known already is fine.
    Add {
        #[command(flatten)]
        account: Account,
        /// The gateway's id: 1 to 64 letters, digits, hyphens and underscores.
        #[arg(long, value_name = "ID")]
        instance: String,
        /// The id of the group of APIs, of the same form.
        #[arg(long, value_name = "ID")]
        group: String,
        /// The group's name. Without it, the group keeps the one that it has, or is called by its id.
        #[arg(long, value_name = "NAME")]
        group_name: Option<String>,
        /// The domain name. Its first label may be *.
        domain: String,
    },
    /// Print the domain names, a line each: id, gateway, group, domain name, and the id of the certificate bound to it or "-".
    List {
        #[command(flatten)]
        account: Account,
    },
    /// Forget a domain name of a gateway. The certificate that is bound to it stays.
    Remove {
        #[command(flatten)]
        account: Account,
        /// The gateway's id.
        #[arg(long, value_name = "ID")]
        instance: String,
        /// The domain name.
        domain: String,
    },
}

/// Whose gateway it is.
#[derive(Args)]
pub(crate) struct Account {
    /// The account's name. Without it, the first account.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
}

impl Account {
    fn name(self, settings: &Settings) -> String {
        self.account.unwrap_or_else(|| settings.bootstrap_domain_name.clone())
    }
}

/// Does what the command says; gives what is to be printed.
pub(crate) async fn run(settings: &Settings, command: DomainCommand) -> anyhow::Result<String> {
    crate::files::make_private_folder(&settings.data_dir)?;
    let database = Database::connect(&settings.database_url()?).await.context("the database cannot be opened")?;
    database.migrate().await?;
    let outcome = act(&database, settings, command).await;
    database.close().await;
    outcome
}

async fn act(database: &Database, settings: &Settings, command: DomainCommand) -> anyhow::Result<String> {
    match command {
        DomainCommand::Add { account, instance, group, group_name, domain } => {
            let registration = Registration {
                account: account.name(settings),
                instance_id: instance,
                group_id: group,
                group_name,
                domain,
            };
            let clock = SystemClock;
            let ids = Ids::new(std::sync::Arc::new(SystemClock));
            let added = domains::register(database, &ids, registration, clock.now_ms()).await;
            let id = added.context("the domain name cannot be added")?;
            Ok(format!("{id}\n"))
        }
        DomainCommand::List { account } => {
            let mut text = String::new();
            for domain in domains::list(database, &account.name(settings)).await? {
                let certificate = domain.certificate_id.as_deref().unwrap_or("-");
                let (id, instance, group, name) = (domain.id, domain.instance_id, domain.group_id, domain.name);
                let _ = writeln!(text, "{id} {instance} {group} {name} {certificate}");
            }
            Ok(text)
        }
        DomainCommand::Remove { account, instance, domain } => {
            let removed = domains::forget(database, &account.name(settings), &instance, &domain).await;
            removed.with_context(|| format!("{domain} cannot be removed"))?;
            Ok(format!("{domain} is forgotten\n"))
        }
    }
}

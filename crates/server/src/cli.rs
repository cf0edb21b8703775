//! The command line.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line answers on the terminal")]

use std::{
    io::{ErrorKind, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use openccm_store::Database;

use crate::{
    buckets, credentials, files::make_private_folder, gateway, health, master_key, orders, serve, settings::Settings,
    telemetry, tls,
};

/// A self-hosted server for the Huawei Cloud Certificate Manager (CCM) API, with real cryptography.
///
/// Without a command it serves. Every setting of the file can be overridden by an environment variable: OPENCCM_ and its
/// name in capitals, two underscores between the parts of a nested one (OPENCCM_LISTEN, OPENCCM_TLS__AUTO).
#[derive(Parser)]
#[command(name = "openccm", version)]
struct Arguments {
    /// The settings file. Without it, openccm.toml in this folder is read where it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API until a signal to stop (the default).
    Serve,
    /// Bring the database's schema up to date, and stop.
    Migrate,
    /// Ask a running server whether it is ready. Exits with 0 if it is, else with 1.
    Health {
        /// The server's address, such as https://ccm.example.com. Without it, the address in the settings.
        url: Option<String>,
    },
    /// Make and list the buckets that revocation lists can be published to.
    #[command(subcommand)]
    Bucket(BucketCommand),
    /// Decide about applications for SSL certificates that name an organization (OV and EV).
    #[command(subcommand)]
    Scm(orders::ScmCommand),
    /// Make known what API gateways there are, so that certificates can be bound to their domain names.
    #[command(subcommand)]
    Apig(ApigCommand),
    /// Look at the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at the credentials that the first start made.
    #[command(subcommand)]
    Credentials(CredentialsCommand),
}

#[derive(Subcommand)]
enum BucketCommand {
    /// Make a bucket where the settings say that buckets are. One that is there already is fine.
    Create {
        /// Its name: 3 to 63 lower-case letters, digits, hyphens and dots.
        name: String,
    },
    /// Print the names of the buckets, a line each.
    List,
}

#[derive(Subcommand)]
enum ApigCommand {
    /// Domain names that gateways answer to.
    #[command(subcommand)]
    Domain(gateway::DomainCommand),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Read the settings and what they point to, say what would be used, and stop.
    Check,
}

#[derive(Subcommand)]
enum CredentialsCommand {
    /// Print them as JSON. They are secrets.
    Show,
}

/// Does what the command line says.
pub(crate) fn run() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = Settings::load(arguments.config.as_deref())?;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            telemetry::start_logging(&settings)?;
            for name in &settings.unknown_variables {
                tracing::warn!("the environment variable {name} is no setting");
            }
            runtime()?.block_on(serve::serve(settings))
        }
        Command::Migrate => runtime()?.block_on(async {
            make_private_folder(&settings.data_dir)?;
            let database = Database::connect(&settings.database_url()?).await?;
            database.migrate().await?;
            database.close().await;
            print("the schema is up to date\n")
        }),
        Command::Health { url } => runtime()?.block_on(health::check(&url.unwrap_or_else(|| settings.own_url()))),
        Command::Bucket(BucketCommand::Create { name }) => {
            print(&runtime()?.block_on(buckets::create(&settings, &name))?)
        }
        Command::Bucket(BucketCommand::List) => print(&runtime()?.block_on(buckets::list(&settings))?),
        Command::Scm(command) => print(&runtime()?.block_on(orders::run(&settings, command))?),
        Command::Apig(ApigCommand::Domain(command)) => print(&runtime()?.block_on(gateway::run(&settings, command))?),
        Command::Config(ConfigCommand::Check) => {
            runtime()?.block_on(check(&settings))?;
            print(&settings.describe())
        }
        Command::Credentials(CredentialsCommand::Show) => print(&credentials::show(&settings)?),
    }
}

/// Checks everything that a start would stumble over, short of connecting and listening.
async fn check(settings: &Settings) -> anyhow::Result<()> {
    telemetry::filter(settings)?;
    Database::check_address(&settings.database_url()?)?;
    settings.bootstrap_password()?;
    buckets::open(settings)?;
    settings.ssl_options()?;
    master_key::read(&settings.master_key_file())?;
    tls::check(settings).await
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot start")
}

/// Prints to the terminal; a reader that has gone away is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Says why a command failed.
pub(crate) fn report(error: &anyhow::Error) {
    eprintln!("openccm: {error:#}");
}

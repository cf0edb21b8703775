//! The binary `openccm`: a self-hosted server for the Huawei Cloud Certificate Manager API.

mod buckets;
mod cli;
mod credentials;
mod files;
mod gateway;
mod health;
mod master_key;
mod orders;
mod serve;
mod settings;
mod telemetry;
mod tls;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli::report(&error);
            ExitCode::FAILURE
        }
    }
}

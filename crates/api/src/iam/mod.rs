//! Signing in (the part of IAM that clients need): tokens, accounts, projects, users.

mod accounts;
mod tokens;
mod versions;

use crate::{error::failure, route::Routes};

failure!(Iam);

pub(crate) fn routes() -> Routes {
    versions::routes().merge(tokens::routes()).merge(accounts::routes())
}

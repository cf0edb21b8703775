//! Private CAs and private certificates (PCA, `/v1`).

mod agencies;
mod ca_lifecycle;
mod certificate_authorities;
mod exports;
mod fields;
mod private_certificates;
mod quotas;
mod revocation;

use crate::{error::failure, route::Routes};

failure!(Pca);

pub(crate) fn routes() -> Routes {
    certificate_authorities::routes()
        .merge(ca_lifecycle::routes())
        .merge(private_certificates::routes())
        .merge(exports::routes())
        .merge(quotas::routes())
        .merge(revocation::routes())
        .merge(agencies::routes())
}

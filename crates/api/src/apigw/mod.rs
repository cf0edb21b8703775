//! Certificates of the API gateway (APIG, `/v2/{project_id}/apigw`).

mod attached_domains;
mod certificates;
mod domain_certificates;
mod fields;
mod groups;

use crate::{error::failure, route::Routes};

failure!(Apig);

pub(crate) fn routes() -> Routes {
    certificates::routes()
        .merge(attached_domains::routes())
        .merge(domain_certificates::routes())
        .merge(groups::routes())
}

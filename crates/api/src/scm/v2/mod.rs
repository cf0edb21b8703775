//! SSL certificates, the historical API: `/v2/{project_id}/scm`.

mod certificates;
mod domain_verification;
mod orders;
mod products;
mod push;

use crate::route::Routes;

pub(super) fn routes() -> Routes {
    certificates::routes()
        .merge(orders::routes())
        .merge(products::routes())
        .merge(push::routes())
        .merge(domain_verification::routes())
}

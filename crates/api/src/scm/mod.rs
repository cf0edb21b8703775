//! SSL certificates (SCM): `/v3`, and the historical `/v2`, over the same certificates.

mod certificates;
mod fields;
mod notifications;
mod orders;
mod push;
mod signing_requests;
mod tag_search;
mod tags;
mod v2;

use crate::{error::failure, route::Routes};

failure!(Scm);

pub(crate) fn routes() -> Routes {
    certificates::routes()
        .merge(orders::routes())
        .merge(push::routes())
        .merge(tags::routes())
        .merge(tag_search::routes())
        .merge(notifications::routes())
        .merge(signing_requests::routes())
        .merge(v2::routes())
}

//! The embedded registry as ELB and WAF answer: the calls by which Terraform's `huaweicloud_ccm_certificate_push` looks for
//! what was pushed, and deletes it. Keys are not in it.

mod elb;
mod waf;

use crate::route::Routes;

pub(crate) fn routes() -> Routes {
    elb::routes().merge(waf::routes())
}

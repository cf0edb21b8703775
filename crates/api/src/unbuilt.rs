//! The operations of the vendor's API that this server does not have yet: their routes answer 501 in the vendor's error
//! shape, so that a client learns that the operation is missing here rather than that the address is wrong.
//!
//! An operation that is built moves from here to `routes()` of its resource, and to `built` in `docs/compatibility.md`.

use axum::Extension;
use http::StatusCode;

use crate::{
    error::ApiError,
    route::{Access, Operation, Routes, Service},
};

/// An operation that is known, but not built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unbuilt {
    /// Whose error shape and codes it answers with.
    pub(crate) service: Service,
    /// The HTTP method, in capitals.
    pub(crate) method: &'static str,
    /// The path, its parameters in braces.
    pub(crate) path: &'static str,
    /// The vendor's name of the operation, in snake case. Unique within an API, not across them.
    pub(crate) operation: &'static str,
    /// The action that a caller will need: the vendor's where one is documented, else one in the same style.
    pub(crate) action: &'static str,
}

/// Defines the table, one operation a line: service, method, path, operation, action.
macro_rules! unbuilt {
    ($($service:ident $method:literal $path:literal $operation:literal $action:literal;)+) => {
        /// Every operation that is not built, by service.
        pub(crate) const UNBUILT: &[Unbuilt] = &[
            $(Unbuilt {
                service: Service::$service,
                method: $method,
                path: $path,
                operation: $operation,
                action: $action,
            }),+
        ];
    };
}

unbuilt! {
    // Private certificates (PCA, v1).
    Pca "POST" "/v1/private-certificate-authorities/order" "create_certificate_authority_order" "pca:ca:createOrder";
    Pca "POST" "/v1/private-certificate-authorities/{ca_id}/tags" "create_ca_tag" "pca:ca:createTag";
    Pca "GET" "/v1/private-certificate-authorities/{ca_id}/tags" "list_ca_tags" "pca:ca:listTags";
    Pca "POST" "/v1/private-certificate-authorities/{ca_id}/tags/create" "batch_create_ca_tags" "pca:ca:batchCreateTags";
    Pca "DELETE" "/v1/private-certificate-authorities/{ca_id}/tags/delete" "batch_delete_ca_tags" "pca:ca:batchDeleteTags";
    Pca "GET" "/v1/private-certificate-authorities/tags" "list_domain_ca_tags" "pca:ca:listDomainTags";
    Pca "POST" "/v1/private-certificate-authorities/resource-instances/filter" "list_ca_resource_instances" "pca:ca:listResourceInstances";
    Pca "POST" "/v1/private-certificate-authorities/resource-instances/count" "count_ca_resource_instances" "pca:ca:countResourceInstances";
    Pca "POST" "/v1/private-certificates/{certificate_id}/tags" "create_cert_tag" "pca:cert:createTag";
    Pca "GET" "/v1/private-certificates/{certificate_id}/tags" "list_cert_tags" "pca:cert:listTags";
    Pca "POST" "/v1/private-certificates/{certificate_id}/tags/create" "batch_create_cert_tags" "pca:cert:batchCreateTags";
    Pca "DELETE" "/v1/private-certificates/{certificate_id}/tags/delete" "batch_delete_cert_tags" "pca:cert:batchDeleteTags";
    Pca "GET" "/v1/private-certificates/tags" "list_domain_cert_tags" "pca:cert:listDomainTags";
    Pca "POST" "/v1/private-certificates/resource-instances/filter" "list_cert_resource_instances" "pca:cert:listResourceInstances";
    Pca "POST" "/v1/private-certificates/resource-instances/count" "count_cert_resource_instances" "pca:cert:countResourceInstances";

    // Identity and access management (IAM and STS).
    Iam "POST" "/v3.0/OS-CREDENTIAL/securitytokens" "create_temporary_access_key_by_agency" "iam:tokens:assume";
    Iam "POST" "/v3.0/OS-AUTH/id-token/tokens" "create_token_with_id_token" "iam:tokens:createWithIdToken";
    Iam "GET" "/v5/caller-identity" "get_caller_identity" "sts:callerIdentity:get";
    Iam "POST" "/v5/agencies/assume" "assume_agency" "sts:agencies:assume";
    Iam "POST" "/v5/agencies/assume-with-oidc" "assume_agency_with_oidc" "sts:agencies:assumeWithOidc";
}

/// A route for each: whoever signs in and may call the operation learns that it is not there.
pub(crate) fn routes() -> Routes {
    UNBUILT.iter().fold(Routes::of(Service::Server), |routes, unbuilt| {
        let operation = Operation {
            service: unbuilt.service,
            method: unbuilt.method,
            path: unbuilt.path,
            name: unbuilt.operation,
            access: Access::Action(unbuilt.action),
            built: false,
        };
        routes.add_operation(operation, not_implemented)
    })
}

async fn not_implemented(Extension(operation): Extension<Operation>) -> ApiError {
    ApiError::new(operation.service.codes().internal)
        .with_status(StatusCode::NOT_IMPLEMENTED)
        .with_message(format!("The operation {} is not implemented by this server.", operation.name))
}

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

    // SSL certificates (SCM, v3).
    Scm "GET" "/v3/scm/certificates" "list_certificates" "scm:cert:list";
    Scm "POST" "/v3/scm/certificates/import" "import_certificate" "scm:cert:upload";
    Scm "GET" "/v3/scm/certificates/{certificate_id}" "show_certificate" "scm:cert:get";
    Scm "DELETE" "/v3/scm/certificates/{certificate_id}" "delete_certificate" "scm:cert:delete";
    Scm "POST" "/v3/scm/certificates/{certificate_id}/export" "export_certificate" "scm:cert:download";
    Scm "POST" "/v3/scm/certificates/{certificate_id}/push" "push_certificate" "scm:cert:push";
    Scm "POST" "/v3/scm/certificates/{certificate_id}/batch-push" "batch_push_certificate" "scm:cert:push";
    Scm "POST" "/v3/scm/certificates/{certificate_id}/deploy" "deploy_certificate" "scm:cert:deploy";
    Scm "POST" "/v3/scm/deployed-resources" "list_deployed_resources" "scm:cert:listDeployedResources";
    Scm "POST" "/v3/scm/certificates/{certificate_id}/apply" "apply_certificate" "scm:cert:apply";
    Scm "POST" "/v3/scm/certificates/{certificate_id}/cancel-cert" "cancel_certificate_request" "scm:cert:cancelApply";
    Scm "POST" "/v3/scm/certificates/buy" "subscribe_certificate" "scm:cert:purchase";
    Scm "DELETE" "/v3/scm/certificates/{certificate_id}/unsubscribe" "unsubscribe_certificate" "scm:cert:unsubscribe";
    Scm "POST" "/v3/scm/{resource_id}/tags" "create_certificate_tag" "scm:cert:createTag";
    Scm "POST" "/v3/scm/{resource_id}/tags/action" "batch_create_or_delete_tags" "scm:cert:batchTags";
    Scm "GET" "/v3/scm/{resource_id}/tags" "list_tags_by_certificate" "scm:cert:listTags";
    Scm "GET" "/v3/scm/tags" "list_all_tags" "scm:cert:listAllTags";
    Scm "POST" "/v3/scm/resource_instances/action" "list_certificates_by_tag" "scm:cert:listByTag";
    Scm "POST" "/v3/scm/notification/enable" "enable_notification" "scm:notification:enable";
    Scm "POST" "/v3/scm/notification/disable" "disable_notification" "scm:notification:disable";
    Scm "POST" "/v3/scm/csr" "create_csr" "scm:csr:create";
    Scm "GET" "/v3/scm/csr" "list_csr" "scm:csr:list";
    Scm "GET" "/v3/scm/csr/{id}" "show_csr" "scm:csr:get";
    Scm "GET" "/v3/scm/csr/{id}/private-key" "show_csr_private_key" "scm:csr:getPrivateKey";
    Scm "PUT" "/v3/scm/csr/{id}" "update_csr" "scm:csr:edit";
    Scm "DELETE" "/v3/scm/csr/{id}" "delete_csr" "scm:csr:delete";
    Scm "POST" "/v3/scm/csr/upload" "upload_csr" "scm:csr:upload";

    // SSL certificates, historical (SCM, v2).
    Scm "POST" "/v2/{project_id}/scm/cert/purchase" "purchase_cert" "scm:cert:purchase";
    Scm "GET" "/v2/{project_id}/scm/certlist" "list_certs" "scm:cert:list";
    Scm "GET" "/v2/{project_id}/scm/cert/{cert_id}" "show_cert" "scm:cert:get";
    Scm "PUT" "/v2/{project_id}/scm/cert/{cert_id}" "modify_cert" "scm:cert:edit";
    Scm "GET" "/v2/{project_id}/scm/cert/product" "list_cert_products" "scm:certType:get";
    Scm "GET" "/v2/{project_id}/scm/product/{product_id}" "show_product" "scm:certProduct:get";
    Scm "POST" "/v2/{project_id}/scm/cert/{cert_id}/complete" "complete_cert" "scm:cert:apply";
    Scm "POST" "/v2/{project_id}/scm/check-csr" "check_csr" "scm:csr:check";
    Scm "POST" "/v2/{project_id}/scm/cert/{cert_id}/save" "save_cert" "scm:certInfo:save";
    Scm "POST" "/v2/{project_id}/scm/cert/{cert_id}/read" "read_cert" "scm:certInfo:get";
    Scm "POST" "/v2/{project_id}/scm/cert/{cert_id}/cancel-cert" "cancel_cert" "scm:cert:cancelApply";
    Scm "DELETE" "/v2/{project_id}/scm/cert/{cert_id}" "delete_cert" "scm:cert:delete";
    Scm "POST" "/v2/{project_id}/scm/cert/{cert_id}/info/{type}/upload_authentication" "upload_authentication" "scm:certInfo:upload";
    Scm "GET" "/v2/{project_id}/scm/cert/{cert_id}/cert_file" "download_cert_file" "scm:cert:download";
    Scm "POST" "/v2/{project_id}/scm/cert/upload" "upload_cert" "scm:cert:upload";
    Scm "POST" "/v2/{project_id}/scm/cert/{cert_id}/revoke" "revoke_cert" "scm:cert:revoke";
    Scm "POST" "/v2/{project_id}/scm/cert/{cert_id}/push" "push_cert" "scm:cert:push";
    Scm "GET" "/v2/{project_id}/scm/cert/{cert_id}/push-history" "list_push_history" "scm:pushHistory:list";
    Scm "DELETE" "/v2/{project_id}/scm/privacy-protection/{cert_id}" "delete_privacy_protection" "scm:privacyProtection:delete";
    Scm "POST" "/v2/{project_id}/scm/cert/{cert_id}/supplement" "supplement_cert" "scm:cert:supplement";
    Scm "GET" "/v2/{project_id}/scm/cert/{cert_id}/domain-verify" "show_domain_verification" "scm:cert:getDomainVerification";

    // API gateway certificates (APIG, v2).
    Apig "POST" "/v2/{project_id}/apigw/certificates" "create_certificate_v2" "apig:certificates:create";
    Apig "GET" "/v2/{project_id}/apigw/certificates" "list_certificates_v2" "apig:certificates:list";
    Apig "GET" "/v2/{project_id}/apigw/certificates/{certificate_id}" "show_details_of_certificate_v2" "apig:certificates:get";
    Apig "PUT" "/v2/{project_id}/apigw/certificates/{certificate_id}" "update_certificate_v2" "apig:certificates:update";
    Apig "DELETE" "/v2/{project_id}/apigw/certificates/{certificate_id}" "delete_certificate_v2" "apig:certificates:delete";
    Apig "POST" "/v2/{project_id}/apigw/certificates/{certificate_id}/domains/attach" "batch_associate_domains_v2" "apig:certificates:attachDomains";
    Apig "POST" "/v2/{project_id}/apigw/certificates/{certificate_id}/domains/detach" "batch_disassociate_domains_v2" "apig:certificates:detachDomains";
    Apig "GET" "/v2/{project_id}/apigw/certificates/{certificate_id}/attached-domains" "list_attached_domains_v2" "apig:certificates:listDomains";
    Apig "POST" "/v2/{project_id}/apigw/instances/{instance_id}/api-groups/{group_id}/domains/{domain_id}/certificate" "associate_certificate_v2" "apig:domains:createCertificate";
    Apig "DELETE" "/v2/{project_id}/apigw/instances/{instance_id}/api-groups/{group_id}/domains/{domain_id}/certificate/{certificate_id}" "disassociate_certificate_v2" "apig:domains:deleteCertificate";
    Apig "GET" "/v2/{project_id}/apigw/instances/{instance_id}/api-groups/{group_id}/domains/{domain_id}/certificate/{certificate_id}" "show_details_of_domain_name_certificate_v2" "apig:domains:getCertificate";
    Apig "POST" "/v2/{project_id}/apigw/instances/{instance_id}/api-groups/{group_id}/domains/{domain_id}/certificates/attach" "batch_associate_certs_v2" "apig:domains:attachCertificates";
    Apig "POST" "/v2/{project_id}/apigw/instances/{instance_id}/api-groups/{group_id}/domains/{domain_id}/certificates/detach" "batch_disassociate_certs_v2" "apig:domains:detachCertificates";

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

//! Every error code of the API, one line a code: its HTTP status, its number and its text.
//!
//! `openapi/error-codes.tsv` lists the same codes with where each is documented. Texts are the vendor's, to the letter,
//! because scripts match on them.

/// An error code of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The HTTP status with which it is answered.
    pub status: u16,
    /// The code, `SERVICE.number` (`error_code`).
    pub code: &'static str,
    /// What it says (`error_msg`). `{0}` stands where the vendor puts a detail.
    pub message: &'static str,
}

/// Defines one constant a line, and `ALL` of them.
macro_rules! codes {
    ($($name:ident = $status:literal $code:literal $message:literal;)+) => {
        $(
            #[doc = concat!("`", $code, "` (", $status, "): ", $message)]
            pub const $name: Code = Code { status: $status, code: $code, message: $message };
        )+

        /// Every code, in the order of this file.
        pub const ALL: &[Code] = &[$($name),+];
    };
}

codes! {
    // Private certificates.
    PCA_UNKNOWN_ERROR = 500 "PCA.00000001" "Unknown error. Please contact technical support.";
    PCA_PARAMETER_PROCESSING_FAILED = 500 "PCA.00000002" "Parameter processing failed. Please contact technical support.";
    PCA_CERTIFICATE_PROCESSING_FAILED = 500 "PCA.00000003" "Certificate processing failed. Please contact technical support.";
    PCA_KEY_PROCESSING_FAILED = 500 "PCA.00000004" "Key processing failed. Please contact technical support.";
    PCA_AUTHENTICATION_FAILED = 500 "PCA.00000005" "Authentication failed. Please contact technical support.";
    PCA_OBS_UNAVAILABLE = 403 "PCA.00000006" "Obtaining OBS buckets failed. Please contact technical support.";
    PCA_NO_OBT_PERMISSION = 401 "PCA.00000101" "Access Denied. No permissions granted for this OBT.";
    PCA_UNAUTHENTICATED = 401 "PCA.00010001" "Incorrect X-Auth-Token in the request header.";
    PCA_ACCOUNT_FROZEN = 401 "PCA.00010002" "Account frozen. Please contact technical support.";
    PCA_ACCOUNT_IN_ARREARS = 401 "PCA.00010003" "Access denied. Real-name authentication failed or account in arrears.";
    PCA_FORBIDDEN = 403 "PCA.00010004" "Insufficient permissions. Contact administrator.";
    PCA_INCORRECT_PARAMETER = 400 "PCA.00020001" "Incorrect parameter.";
    PCA_INVALID_DISTINGUISHED_NAME = 400 "PCA.00020101" "Incorrect certificate distinguished name.";
    PCA_INVALID_KEY_ALGORITHM = 400 "PCA.00020102" "Invalid key algorithm. Only RSA2048, RSA4096, EC256, and EC384 are supported.";
    PCA_INVALID_SIGNATURE_ALGORITHM = 400 "PCA.00020103" "Invalid signature hash algorithm. Only SHA256, SHA384, and SHA512 are supported.";
    PCA_INVALID_VALIDITY = 400 "PCA.00020109" "Invalid validity period type or value. Only year, month, or day supported.";
    PCA_INVALID_DOMAIN_NAME = 400 "PCA.00020110" "Incorrect domain name.";
    PCA_INVALID_IP_ADDRESS = 400 "PCA.00020111" "Invalid IP. Enter an IPv4 address.";
    PCA_INVALID_ALTERNATIVE_NAME_TYPE = 400 "PCA.00020112" "Invalid alternative name type of the certificate subject. Enter an IP or DNS.";
    PCA_INVALID_CA_ID = 400 "PCA.00020201" "Invalid CA ID. Valid CA IDs use a hexadecimal xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxx format.";
    PCA_INVALID_CA_TYPE = 400 "PCA.00020202" "Invalid CA type. Only root CA and subordinate CA are supported.";
    PCA_INVALID_PATH_LENGTH = 400 "PCA.00020203" "Invalid CA path length. The value range is [0, 6].";
    PCA_INVALID_CRL_CONFIGURATION = 400 "PCA.00020204" "Invalid CRL configuration.";
    PCA_INVALID_CERTIFICATE_ID = 400 "PCA.00020301" "Invalid certificate ID. Valid certificate IDs use a hexadecimal xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxx format.";
    PCA_INVALID_CSR = 400 "PCA.00020401" "Incorrect certificate signature request.";
    PCA_INVALID_CERTIFICATE = 400 "PCA.00020402" "Incorrect certificate. Please contact technical support.";
    PCA_INVALID_CERTIFICATE_CHAIN = 400 "PCA.00020403" "Incorrect certificate chain.";
    PCA_INVALID_STATUS = 400 "PCA.00020404" "Invalid status. The status can only be Pending activation, Activated, Disabled, Pending deletion, or Expired.";
    PCA_QUOTA_EXCEEDED = 403 "PCA.00030001" "CA or certificate quantity exceeds quota.";
    PCA_NOT_FOUND = 404 "PCA.00030102" "CA or certificate is not found.";
    PCA_ISSUER_NOT_FOUND = 404 "PCA.00030103" "Issuer CA is not found";
    PCA_STATUS_CONFLICT = 403 "PCA.00030201" "Operation not allowed in the current status.";
    PCA_FROZEN = 403 "PCA.00030202" "CA or certificate frozen. Contact administrator.";
    PCA_KEY_MISMATCH = 403 "PCA.00030301" "Certificate public key and private key does not match.";

    // SSL certificates.
    SCM_SERVICE_NOT_OPEN = 403 "SCM.0001" "Service is not open.";
    SCM_INCORRECT_TENANT_ID = 403 "SCM.0002" "Incorrect tenant ID.";
    SCM_TENANT_WITHOUT_PRIVILEGE = 400 "SCM.0003" "Tenant has no privilege.";
    SCM_NO_RESPONSE_FROM_CA = 500 "SCM.0004" "Fail to get ca response.";
    SCM_INCORRECT_PARAMETER = 400 "SCM.0005" "Incorrect request parameter.";
    SCM_CERTIFICATE_UNREADABLE = 400 "SCM.0006" "The uploaded certificate failed to be resolved. Ensure that the uploaded certificate has been issued.";
    SCM_DOWNLOAD_FAILED = 500 "SCM.0007" "Failed to download the certificate.";
    SCM_ABNORMAL_CERTIFICATE_ID = 400 "SCM.0008" "Abnormal certificate ID";
    SCM_CERTIFICATE_WITHOUT_DOMAIN = 400 "SCM.0009" "Failed to upload the certificate because no domain name is bound to the certificate.";
    SCM_STATUS_CONFLICT = 400 "SCM.0010" "This operation is not allowed by the current certificate type or status.";
    SCM_TOO_MANY_FREE_CERTIFICATES = 400 "SCM.0011" "The max number of free certificates for the current user has been reached, and you cannot continue to purchase free certificates.";
    SCM_PRIVATE_KEY_UNREADABLE = 400 "SCM.0012" "The uploaded private key failed to be resolved. Ensure that the certificate has been issued.";
    SCM_CERTIFICATE_CHAIN_UNREADABLE = 500 "SCM.0013" "The uploaded certificate chain failed to be resolved. Ensure that the certificate has been issued.";
    SCM_KEY_MISMATCH = 400 "SCM.0014" "The uploaded certificate does not match the private key.";
    SCM_DOMAINS_UNFIT_FOR_CERTIFICATE = 400 "SCM.0015" "The number or format of domain names entered does not meet the requirements of the your certificate.";
    SCM_ORDER_FAILED = 400 "SCM.0016" "Failed to order.";
    SCM_UNKNOWN_PRODUCT = 500 "SCM.0017" "product wrong.";
    SCM_BILLING_RESPONSE_ERROR = 500 "SCM.0019" "CSB response error.";
    SCM_INCORRECT_CERTIFICATE_ID = 400 "SCM.0020" "Incorrect certificate ID.";
    SCM_INVALID_MODIFY_KEY = 400 "SCM.0023" "Modify key format error.";
    SCM_INVALID_MODIFY_VALUE = 400 "SCM.0024" "Modify value format error.";
    SCM_REISSUE_PERIOD_EXCEEDED = 400 "SCM.0025" "Exceed the limit";
    SCM_REVOCATION_FAILED = 400 "SCM.0026" "Revoke cert error";
    SCM_REVOCATION_REASON_MISSING = 400 "SCM.0027" "Have no revoke reason";
    SCM_PUSH_FAILED = 400 "SCM.0028" "Push cert error";
    SCM_PUSH_SERVICE_UNSUPPORTED = 400 "SCM.0030" "Certificates cannot be pushed to this service.";
    SCM_CERTIFICATE_PARSING_FAILED = 400 "SCM.0031" "Certificate parsing error.";
    SCM_INVALID_CERTIFICATE_NAME = 400 "SCM.0032" "Incorrect certificate name.";
    SCM_CSR_WITHOUT_DOMAIN = 400 "SCM.0033" "Csr not bind domain.";
    SCM_CSR_UNREADABLE = 400 "SCM.0034" "Csr parse error.";
    SCM_CSR_DOMAIN_MISMATCH = 400 "SCM.0035" "Csr domain not match input domain.";
    SCM_DOMAIN_NUMBER_MISMATCH = 400 "SCM.0036" "Domain number not match product.";
    SCM_CERTIFICATE_ENCRYPTION_FAILED = 500 "SCM.0037" "Failed to encrypt the certificate.";
    SCM_CERTIFICATE_DECRYPTION_FAILED = 500 "SCM.0038" "Cert decrypt fail.";
    SCM_QUOTA_BELOW_USE = 400 "SCM.0039" "The updated quota value must be greater than the currently used quota.";
    SCM_FREE_CERTIFICATE_QUOTA_EXCEEDED = 403 "SCM.0040" "The max number of free certificates for the current user has been reached, and you cannot continue to purchase free certificates.";
    SCM_CERTIFICATE_EXPIRED = 400 "SCM.0042" "Cert has expired.";
    SCM_NAMED_PERMISSION_MISSING = 400 "SCM.0044" "Permission denied,please obtain {0} permission.";
    SCM_INVALID_BRAND = 400 "SCM.0049" "Cert brand error.";
    SCM_INVALID_CERTIFICATE_TYPE = 400 "SCM.0050" "Cert type error.";
    SCM_INVALID_DOMAIN_TYPE = 400 "SCM.0051" "Domain type error.";
    SCM_INVALID_EFFECTIVE_TIME = 400 "SCM.0052" "Cert effective time error.";
    SCM_PRIVATE_KEY_EMPTY = 400 "SCM.0059" "The certificate private key is empty.";
    SCM_INVALID_ORDER_NUMBER = 400 "SCM.0060" "Order number error.";
    SCM_INVALID_REGION_PARAMETER = 400 "SCM.0061" "Region parameter error.";
    SCM_DNS_QUERY_FAILED = 500 "SCM.0062" "DNS query fail.";
    SCM_DUPLICATE_DOMAIN = 400 "SCM.0063" "Duplicate domain error.";
    SCM_ORDER_IN_PROGRESS = 400 "SCM.0064" "The order is executing.";
    SCM_FILE_TOO_LARGE = 400 "SCM.0065" "File size exceeds limit.";
    SCM_DOMAIN_TYPE_NOT_ALLOWED = 400 "SCM.0066" "Current domain type not allowed to operate.";
    SCM_ALTERNATIVE_NAMES_CHANGED = 400 "SCM.0067" "Sans changed.";
    SCM_REGION_UNSUPPORTED = 400 "SCM.0068" "Unsupported region.";
    SCM_NO_PROJECTS = 404 "SCM.0069" "No projects found.";
    SCM_INVALID_DOMAIN_IN_CERTIFICATE = 400 "SCM.0070" "Incorrect format of the domain bound to the certificate to be uploaded.";
    SCM_RESOURCE_TYPE_UNSUPPORTED = 500 "SCM.0071" "SCM does not support this resourceType.";
    SCM_STATUS_UNSUPPORTED = 400 "SCM.0072" "SCM does not support this status.";
    SCM_INVALID_HELP_CONTENT = 400 "SCM.0073" "Help content format error.";
    SCM_RENEWAL_NOT_PAID = 400 "SCM.0074" "Cert is not renewal paid.";
    SCM_INVALID_REGION_ID = 400 "SCM.0075" "Invalid region id.";
    SCM_RENEWAL_UNSUPPORTED = 400 "SCM.0076" "DIGICERT DV basic not support to renew.";
    SCM_CERT_INFO_MISSING = 400 "SCM.0080" "Required param cert_info is null or empty.";
    SCM_CERT_INFO_EMPTY = 400 "SCM.0081" "Required param cert_info is null or empty.";
    SCM_INVALID_VALIDITY_PERIOD = 400 "SCM.0082" "Invalid validity_period, should be 12.";
    SCM_FIRST_NAME_MISSING = 400 "SCM.0083" "Required param first_name is null or empty.";
    SCM_PHONE_MISSING = 400 "SCM.0085" "Required param phone is null or empty.";
    SCM_EMAIL_MISSING = 400 "SCM.0086" "Required param email is null or empty.";
    SCM_CERTIFICATE_REQUEST_FAILED = 500 "SCM.0087" "Request cert failed.";
    SCM_JWT_SERVER_UNREACHABLE = 500 "SCM.0091" "Connect jwt server failed.";
    SCM_JWT_DECRYPTION_FAILED = 401 "SCM.0092" "Decrypt jwt token failed.";
    SCM_INVALID_JWT = 500 "SCM.0093" "Invalid jwt token.";
    SCM_NOT_FOUND = 404 "SCM.0094" "Resource not found.";
    SCM_RESOURCE_CONTROLLER_FAILED = 400 "SCM.0095" "Run RmsApiController failed.";
    SCM_PAGE_TOKEN_ENCODING_FAILED = 500 "SCM.0097" "Encode next token failed.";
    SCM_PAGE_TOKEN_DECODING_FAILED = 500 "SCM.0098" "Decode next token failed.";
    SCM_INVALID_ACCOUNT_ID = 500 "SCM.0099" "Invalid domain id.";
    SCM_UNKNOWN_ERROR = 500 "SCM.0100" "UnKnown error.";
    SCM_AUTO_DEPLOY_UNSUPPORTED = 400 "SCM.0101" "The cert not support to auto deploy.";
    SCM_AUTO_DEPLOY_ALREADY_ON = 400 "SCM.0102" "This resource has been open to auto deploy.";
    SCM_DEPLOY_RESOURCE_NOT_FOUND = 400 "SCM.0103" "This resource is not exist.";
    SCM_DEPLOY_REGION_UNSUPPORTED = 400 "SCM.0104" "This region is not support.";
    SCM_AUTO_DEPLOY_IN_USE = 400 "SCM.0105" "The cert has associated the auto deployed resources.";
    SCM_DEPLOY_DOMAIN_MISMATCH = 400 "SCM.0106" "The resource domain is not equals the cert.";
    SCM_INVALID_DOMAIN = 400 "SCM.0108" "Domain format is invalid.";
    SCM_CERTIFICATE_CHAIN_TOO_SHORT = 400 "SCM.0109" "Cert chain length must be more than 1.";
    SCM_ELB_PUSH_REFUSED = 400 "SCM.0201" "Failed to push to ELB.";
    SCM_ELB_FORBIDDEN = 400 "SCM.0202" "Insufficient ELB permissions";
    SCM_ELB_PUSH_FAILED = 500 "SCM.0203" "Failed to push to ELB.";
    SCM_ELB_REGION_UNSUPPORTED = 400 "SCM.0204" "ELB does not support this region.";
    SCM_CDN_PUSH_REFUSED = 400 "SCM.0211" "Failed to push to CDN.";
    SCM_CDN_FORBIDDEN = 400 "SCM.0212" "Insufficient CDN permissions";
    SCM_CDN_PUSH_FAILED = 500 "SCM.0213" "Failed to push to CDN.";
    SCM_WAF_PUSH_REFUSED = 400 "SCM.0221" "Failed to push to WAF.";
    SCM_WAF_FORBIDDEN = 400 "SCM.0222" "Insufficient WAF permissions";
    SCM_WAF_PUSH_FAILED = 500 "SCM.0223" "Failed to push to WAF.";
    SCM_WAF_REGION_UNSUPPORTED = 400 "SCM.0224" "WAF does not support this region.";
    SCM_WAF_QUOTA_EXCEEDED = 400 "SCM.0225" "Insufficient WAF quota.";
    SCM_TAG_NOT_FOUND = 400 "SCM.0301" "Tag is not found.";
    SCM_TAG_QUOTA_EXCEEDED = 400 "SCM.0302" "Tag quota is upper limit.";
    SCM_INVALID_TAG_MATCH = 400 "SCM.0303" "Match tag invalid.";
    SCM_INVALID_TAG_ACTION = 400 "SCM.0304" "Field action is error.";
    SCM_INVALID_TAG_VALUE = 400 "SCM.0305" "Tag value is invalid.";
    SCM_INVALID_TAG_KEY = 400 "SCM.0306" "Tag key is invalid.";
    SCM_INVALID_TAG_VALUE_LENGTH = 400 "SCM.0309" "Tag value length is invalid.";
    SCM_INVALID_TAG_KEY_LENGTH = 400 "SCM.0310" "Tag key length is invalid.";
    SCM_INVALID_TAG_KEY_LIST = 400 "SCM.0311" "Tag key list is invalid.";
    SCM_INVALID_TAG_VALUE_LIST = 400 "SCM.0312" "Tag value list is invalid.";
    SCM_INVALID_TAG_LIST = 400 "SCM.0313" "Tag list is invalid.";
    SCM_INVALID_RESOURCE_ID_MATCH = 400 "SCM.0314" "Match resourceId invalid.";
    SCM_INVALID_TAG_LIMIT = 400 "SCM.0318" "Tag limit invalid.";
    SCM_INVALID_TAG_OFFSET = 400 "SCM.0319" "Tag offset invalid.";
    SCM_INVALID_SYSTEM_TAGS = 400 "SCM.0321" "Invalid param sys_tags.";
    SCM_NOT_OPERATOR = 403 "SCM.0322" "Invalid user token, user role don't contain op_service.";
    SCM_INVALID_TAG_PARAMETER = 400 "SCM.0323" "Invalid tag parameter.";
    SCM_DIGEST_FAILED = 500 "SCM.0324" "Calculate digest failure.";
    SCM_SM2_PUSH_UNSUPPORTED = 400 "SCM.0401" "Gm cert is not support to be pushed.";
    SCM_ENCRYPTION_CERTIFICATE_EMPTY = 500 "SCM.0402" "Encrypt cert content or private key is null.";
    SCM_ENCRYPTION_CERTIFICATE_NOT_SM2 = 400 "SCM.0403" "Encrypt cert is not sm2 signature algorithm.";
    SCM_INVALID_SERVICE_NAMES = 400 "SCM.0501" "The parameter cannot be null or the parameter is wrong. Currently only supports:";
    SCM_CERTIFICATE_IDS_EMPTY = 400 "SCM.0502" "The certificate ID list cannot be empty.";
    SCM_INTERNAL_ERROR = 500 "SCM.0504" "Service internal error, please contact technical support.";
    SCM_INVALID_LIST_SIZE = 400 "SCM.0505" "Parameter error, parameter is null or its list size is out of range, additional info:{0}";
    SCM_CERTIFICATE_IDS_NOT_FOUND = 400 "SCM.0506" "There is no corresponding certificate ID under the tenant, and the set of certificate IDs that cannot be found:{0}";
    SCM_DUPLICATE_LIST_ELEMENTS = 400 "SCM.0507" "The list parameter cannot have duplicate elements";
    SCM_DEPLOYMENT_QUERY_UNSUPPORTED = 400 "SCM.0508" "Parameter error, the following certificates do not support querying deployed resources:{0}";
    SCM_CSR_NOT_FOUND = 404 "SCM.0707" "CSR not found.";
    SCM_UNAUTHENTICATED = 401 "SCM.1000" "The token of the request fails to be authenticated";
    SCM_NO_OBT_PERMISSION = 401 "SCM.1004" "Failed to apply for OBT.";
    SCM_ACCOUNT_RESTRICTED = 401 "SCM.1009" "Your account is restricted.";
    SCM_ACCOUNT_FROZEN = 401 "SCM.1010" "Your account is frozen.";
    SCM_PERMISSION_CHECK_FAILED = 500 "SCM.4001" "An error occurred when accessing the PDP API.";
    SCM_FORBIDDEN = 403 "SCM.4002" "You do not have permission to perform this operation.";

    // The API gateway: its certificates, and requests that no service takes.
    GATEWAY_NO_SUCH_API = 404 "APIG.0101" "The API does not exist or has not been published in the environment.";
    GATEWAY_ENTITY_TOO_LARGE = 413 "APIG.0201" "Request entity too large.";
    GATEWAY_UNAUTHENTICATED = 401 "APIG.0301" "Incorrect IAM authentication information.";
    GATEWAY_FORBIDDEN = 403 "APIG.0302" "The IAM user is not allowed to access the API.";
    APIG_UNAUTHENTICATED = 401 "APIG.1002" "Incorrect token or token resolution failed";
    APIG_FORBIDDEN = 403 "APIG.1005" "No permissions to request this method";
    APIG_NO_VALID_DOMAIN = 400 "APIG.2000" "no valid domain name";
    APIG_MISSING_PARAMETER = 400 "APIG.2001" "The request parameters must be specified";
    APIG_INVALID_PARAMETER = 400 "APIG.2012" "Invalid parameter value.";
    APIG_INVALID_DOMAIN = 400 "APIG.2024" "Invalid URL domain.";
    APIG_KEY_MISMATCH = 400 "APIG.2101" "The certificate and private key do not match.";
    APIG_CERTIFICATE_EXPIRED = 400 "APIG.2102" "The certificate has expired.";
    APIG_DOMAIN_MISMATCH = 400 "APIG.2103" "The certificate common name does not match the domain name.";
    APIG_CHAIN_MISMATCH = 400 "APIG.2104" "The certificate chain is not matched.";
    APIG_ENCRYPTED_PRIVATE_KEY = 400 "APIG.2105" "Encrypted private keys are not supported.";
    APIG_INVALID_CERTIFICATE_OR_KEY = 400 "APIG.2106" "Invalid certificate or private key.";
    APIG_CERTIFICATE_NOT_FOUND = 404 "APIG.3021" "The SSL certificate does not exist.";
    APIG_INSTANCE_NOT_FOUND = 404 "APIG.3030" "The instance does not exist";
    APIG_QUOTA_NAME_EXISTS = 400 "APIG.3325" "The API quota name already exists";
    APIG_RESOURCE_UNCHANGEABLE = 400 "APIG.3400" "The resource cannot be changed.";
    APIG_SYSTEM_ERROR = 500 "APIG.9999" "System error";

    // Elastic load balance and the web application firewall, as the embedded registry answers for them.
    ELB_INVALID_PARAMETER = 400 "ELB.1001" "Request parameters invalid.";
    ELB_NOT_FOUND = 404 "ELB.8904" "certificate could not be found.";
    WAF_INTERNAL_ERROR = 500 "WAF.00010001" "internal.error";
    WAF_BAD_REQUEST = 400 "WAF.00011001" "bad.request";
    WAF_CERTIFICATE_NOT_FOUND = 404 "WAF.00014020" "certificate.not.found";

    // Signing in.
    IAM_UNAUTHENTICATED = 401 "IAM.0001" "The request you have made requires authentication.";
    IAM_FORBIDDEN = 403 "IAM.0002" "You are not authorized to perform the requested action.";
    IAM_NOT_FOUND = 404 "IAM.0004" "Could not find the requested resource.";
    IAM_INTERNAL = 500 "IAM.0006" "An unexpected error prevented the server from fulfilling your request.";
    IAM_BAD_REQUEST = 400 "IAM.0011" "Request body is invalid.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TABLE: &str = include_str!("../../../openapi/error-codes.tsv");

    /// Code, status and message of each row.
    fn documented() -> Vec<(&'static str, u16, &'static str)> {
        let mut lines = TABLE.lines();
        assert_eq!(lines.next(), Some("code\tstatus\tmessage\tsource"));
        lines
            .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
                [code, status, message, source] => {
                    assert!(!source.is_empty(), "{code} has no source");
                    (code, status.parse().expect(code), message)
                }
                _ => panic!("not four columns: {line}"),
            })
            .collect()
    }

    #[test]
    fn the_table_and_the_constants_are_the_same_list() {
        let documented: BTreeSet<_> = documented().into_iter().collect();
        let defined: BTreeSet<_> = ALL.iter().map(|code| (code.code, code.status, code.message)).collect();
        let only_in_table: Vec<_> = documented.difference(&defined).collect();
        let only_in_code: Vec<_> = defined.difference(&documented).collect();
        assert!(only_in_table.is_empty(), "only in error-codes.tsv: {only_in_table:#?}");
        assert!(only_in_code.is_empty(), "only in codes.rs: {only_in_code:#?}");
    }

    #[test]
    fn each_code_stands_once_on_either_side() {
        let defined: BTreeSet<_> = ALL.iter().map(|code| code.code).collect();
        assert_eq!(defined.len(), ALL.len(), "a code is defined twice");
        let documented = documented();
        let distinct: BTreeSet<_> = documented.iter().map(|(code, ..)| code).collect();
        assert_eq!(distinct.len(), documented.len(), "a code is documented twice");
    }

    #[test]
    fn codes_and_messages_keep_the_documented_limits() {
        for code in ALL {
            assert!((400..600).contains(&code.status), "{code:?}");
            assert!((3..=36).contains(&code.code.len()), "{code:?}");
            assert!((1..=1024).contains(&code.message.chars().count()), "{code:?}");
        }
    }
}

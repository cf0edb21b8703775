//! What relying parties see: lists as x509-parser reads them, and what certificates say about where to ask.

use std::collections::BTreeMap;

use openccm_pki::{Certificate, Crl};
use serde_json::{Value, json};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{DistributionPointName, GeneralName, ParsedExtension, X509Extension},
    prelude::FromDer,
    revocation_list::{CertificateRevocationList, RevokedCertificate},
};

use crate::world::{Answer, CAS, CERTIFICATES, Caller, REVOCATION_URL, World};

/// How far back lists are dated, in seconds.
pub(crate) const BACKDATED: i64 = 300;

/// A published list.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) der: Vec<u8>,
    pub(crate) number: i64,
    /// In seconds since the epoch, as all times here.
    pub(crate) this_update: i64,
    pub(crate) next_update: i64,
    /// The address in its critical issuing distribution point, where it has one.
    pub(crate) point: Option<String>,
    /// By serial number.
    pub(crate) entries: BTreeMap<String, Entry>,
}

/// What a list says about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) revoked_at: i64,
    /// The CRLReason, where there is one.
    pub(crate) reason: Option<u8>,
    pub(crate) invalid_since: Option<i64>,
}

impl List {
    /// Reads a list, whose extensions must be those that RFC 5280 §5.2 allows and no others, none twice.
    #[track_caller]
    pub(crate) fn read(der: &[u8]) -> Self {
        let (rest, list) = CertificateRevocationList::from_der(der).unwrap();
        assert!(rest.is_empty());
        let mut point = None;
        let mut kinds = Vec::new();
        for extension in list.extensions() {
            kinds.push(match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(_) if !extension.critical => "AKI",
                ParsedExtension::CRLNumber(_) if !extension.critical => "number",
                ParsedExtension::IssuingDistributionPoint(issuing) if extension.critical => {
                    let Some(DistributionPointName::FullName(names)) = &issuing.distribution_point else {
                        panic!("no name: {issuing:?}")
                    };
                    let [GeneralName::URI(address)] = names[..] else { panic!("no address: {names:?}") };
                    point = Some(address.to_owned());
                    "point"
                }
                other => panic!("{other:?}, critical: {}", extension.critical),
            });
        }
        let expected: &[&str] = if point.is_some() { &["AKI", "number", "point"] } else { &["AKI", "number"] };
        assert_eq!(kinds, expected);
        let mut entries = BTreeMap::new();
        for revoked in list.iter_revoked_certificates() {
            let entry = Entry {
                revoked_at: revoked.revocation_date.timestamp(),
                reason: revoked.reason_code().map(|(_, code)| code.0),
                invalid_since: revoked.invalidity_date().map(|(_, since)| since.timestamp()),
            };
            assert!(revoked.extensions().iter().all(|extension| !extension.critical));
            assert_eq!(entries.insert(serial(revoked), entry), None, "{} is there twice", serial(revoked));
        }
        Self {
            number: list.crl_number().unwrap().try_into().unwrap(),
            this_update: list.last_update().timestamp(),
            next_update: list.next_update().unwrap().timestamp(),
            der: der.to_vec(),
            point,
            entries,
        }
    }

    /// Checks that the list is `issuer`'s: its name, its key, its signature.
    #[track_caller]
    pub(crate) fn check_issuer(&self, issuer: &Certificate) {
        let (_, list) = CertificateRevocationList::from_der(&self.der).unwrap();
        let (_, certificate) = X509Certificate::from_der(issuer.der()).unwrap();
        assert_eq!(list.issuer().as_raw(), certificate.subject().as_raw());
        let key = list.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(identifier) => identifier.key_identifier.as_ref(),
            _ => None,
        });
        assert_eq!(key.unwrap().0, issuer.key_identifier());
        Crl::from_der(&self.der).unwrap().verify_issued_by(issuer).unwrap();
    }

    /// The serial numbers that it names, in order.
    pub(crate) fn serials(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }
}

fn serial(revoked: &RevokedCertificate<'_>) -> String {
    let bytes = revoked.user_certificate.to_bytes_be();
    hex::encode_upper(bytes)
}

/// The path of an address of this server.
#[track_caller]
pub(crate) fn path(address: &str) -> &str {
    address.strip_prefix(REVOCATION_URL).unwrap_or_else(|| panic!("{address} is not an address of this server"))
}

/// The list at a public address.
pub(crate) async fn fetch(caller: &Caller, address: &str) -> List {
    let answer = caller.send("GET", path(address), &[], Vec::new()).await;
    assert_eq!(answer.status, 200, "{address}: {}", answer.text());
    List::read(&answer.body)
}

/// The addresses that a certificate names: of its lists, and of OCSP responders.
pub(crate) fn addresses(certificate: &Certificate) -> (Vec<String>, Vec<String>) {
    let (_, certificate) = X509Certificate::from_der(certificate.der()).unwrap();
    let (mut lists, mut responders) = (Vec::new(), Vec::new());
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => {
                lists.extend(points.iter().flat_map(|point| uris(point.distribution_point.as_ref().unwrap())));
                not_critical(extension);
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                for description in access.iter() {
                    assert_eq!(description.access_method.to_id_string(), "1.3.6.1.5.5.7.48.1", "OCSP");
                    let GeneralName::URI(address) = description.access_location else { panic!("{description:?}") };
                    responders.push(address.to_owned());
                }
                not_critical(extension);
            }
            _ => {}
        }
    }
    (lists, responders)
}

fn not_critical(extension: &X509Extension<'_>) {
    assert!(!extension.critical, "{}", extension.oid);
}

fn uris(name: &DistributionPointName<'_>) -> Vec<String> {
    let DistributionPointName::FullName(names) = name else { panic!("{name:?}") };
    names
        .iter()
        .map(|name| match name {
            GeneralName::URI(address) => (*address).to_owned(),
            other => panic!("{other:?}"),
        })
        .collect()
}

impl World {
    /// Switches on the publication of an authority's list, in the bucket `crl` for 7 days unless `more` says otherwise.
    pub(crate) async fn enable_crl(&self, ca_id: &str, more: Value) {
        self.try_enable_crl(ca_id, more).await.no_content();
    }

    /// As [`Self::enable_crl`], whatever comes of it.
    pub(crate) async fn try_enable_crl(&self, ca_id: &str, more: Value) -> Answer {
        let mut body = json!({"obs_bucket_name": self.bucket("crl").await, "valid_days": 7});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call("POST", &format!("{CAS}/{ca_id}/crl/enable"), body).await
    }

    /// Publishes an authority's list no longer.
    pub(crate) async fn disable_crl(&self, ca_id: &str) {
        self.act(ca_id, "crl/disable").await.no_content();
    }

    /// The address of an authority's complete list.
    pub(crate) async fn crl_address(&self, ca_id: &str) -> String {
        self.authority(ca_id).await["crl_configuration"]["crl_dis_point"].as_str().unwrap().to_owned()
    }

    /// An authority's complete list, which must be its own.
    pub(crate) async fn list(&self, ca_id: &str) -> List {
        let list = fetch(&self.caller(), &self.crl_address(ca_id).await).await;
        list.check_issuer(&self.own_certificate(ca_id).await);
        list
    }

    /// The list at this path.
    pub(crate) async fn list_at(&self, path: &str) -> List {
        fetch(&self.caller(), &format!("{REVOCATION_URL}{path}")).await
    }

    /// The certificate of an authority, in whatever status.
    pub(crate) async fn own_certificate(&self, ca_id: &str) -> Certificate {
        let mut session = self.ccm.database().read().await.unwrap();
        let der = openccm_store::certificate_authorities::find_der(&mut session, ca_id).await.unwrap().unwrap();
        Certificate::from_der(&der).unwrap()
    }

    /// The serial number of a certificate.
    pub(crate) async fn serial(&self, certificate_id: &str) -> String {
        self.get(&format!("{CERTIFICATES}/{certificate_id}")).await["serial_number"].as_str().unwrap().to_owned()
    }

    /// Revokes a certificate for this reason.
    pub(crate) async fn revoke(&self, certificate_id: &str, reason: &str) {
        let path = format!("{CERTIFICATES}/{certificate_id}/revoke");
        self.call("POST", &path, json!({"reason": reason})).await.no_content();
    }

    /// Issues a certificate and revokes it for this reason; gives its serial number.
    pub(crate) async fn revoked(&self, issuer_id: &str, reason: &str) -> String {
        let id = self.certificate("leaf", issuer_id).await;
        self.revoke(&id, reason).await;
        self.serial(&id).await
    }

    /// The status of a certificate.
    pub(crate) async fn certificate_status(&self, certificate_id: &str) -> String {
        self.get(&format!("{CERTIFICATES}/{certificate_id}")).await["status"].as_str().unwrap().to_owned()
    }
}

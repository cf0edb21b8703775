//! `[ssl]`: what can be ordered, and who issues it.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, bail};
use openccm_core::{CaId, CertificateBrand, CertificateType, DomainType};
use openccm_service::ssl::{
    SslOptions,
    issuers::AuthorityOptions,
    products::{Catalogue, OWN_ISSUER, Product},
};
use serde::Deserialize;

/// SSL certificates.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Ssl {
    /// How many free certificates an account may have.
    free_certificates: i64,
    /// What can be ordered; everything where nothing is named.
    products: Vec<Products>,
    /// Authorities of this server that issue, by the names that products know them by.
    authorities: BTreeMap<String, Authority>,
}

impl Default for Ssl {
    fn default() -> Self {
        Self {
            free_certificates: SslOptions::default().free_certificates,
            products: Vec::new(),
            authorities: BTreeMap::new(),
        }
    }
}

/// Products that differ in what is left open.
#[derive(Debug, Deserialize)]
struct Products {
    /// The brand; every one where none is named.
    brand: Option<String>,
    /// The type; every one where none is named.
    #[serde(rename = "type")]
    certificate_type: Option<String>,
    /// The type of domain names; every one where none is named.
    domain_type: Option<String>,
    /// The terms in years; 0 is three months, free.
    #[serde(default = "one_year")]
    years: Vec<i64>,
    /// Who issues.
    #[serde(default = "own_issuer")]
    issuer: String,
}

fn one_year() -> Vec<i64> {
    vec![1]
}

fn own_issuer() -> String {
    OWN_ISSUER.to_owned()
}

/// An authority of this server.
#[derive(Debug, Deserialize)]
struct Authority {
    /// Its id.
    ca_id: String,
}

impl Ssl {
    /// What the service is to be made with. `acme` are the names of the ACME services.
    pub(crate) fn apply(&self, options: &mut SslOptions) -> anyhow::Result<()> {
        if self.free_certificates < 0 {
            bail!("ssl.free_certificates must not be negative");
        }
        options.free_certificates = self.free_certificates;
        for (name, authority) in &self.authorities {
            let ca_id = CaId::parse(&authority.ca_id)
                .ok_or_else(|| anyhow!("ssl.authorities.{name}.ca_id is no id of an authority"))?;
            options.authorities.insert(name.clone(), AuthorityOptions { ca_id: Some(ca_id) });
        }
        if !self.products.is_empty() {
            options.products = self.catalogue()?;
        }
        for product in options.products.products() {
            if !options.has_issuer(&product.issuer) {
                bail!("ssl.products: there is no issuer {} among ssl.authorities and acme", product.issuer);
            }
        }
        Ok(())
    }

    fn catalogue(&self) -> anyhow::Result<Catalogue> {
        let mut products = Vec::new();
        for entry in &self.products {
            for brand in choices("brand", entry.brand.as_deref(), CertificateBrand::ALL, CertificateBrand::parse)? {
                let types = entry.certificate_type.as_deref();
                for certificate_type in choices("type", types, CertificateType::ALL, CertificateType::parse)? {
                    let domains = entry.domain_type.as_deref();
                    for domain_type in choices("domain_type", domains, DomainType::ALL, DomainType::parse)? {
                        for years in &entry.years {
                            if !(0..=10).contains(years) {
                                bail!("ssl.products.years must be 0 to 10");
                            }
                            let issuer = entry.issuer.clone();
                            products.push(Product { brand, certificate_type, domain_type, years: *years, issuer });
                        }
                    }
                }
            }
        }
        Catalogue::new(products).map_err(|reason| anyhow!(reason)).context("ssl.products")
    }
}

/// The one value that is named, or all.
fn choices<T: Copy>(
    name: &str,
    text: Option<&str>,
    all: &[T],
    parse: impl Fn(&str) -> Option<T>,
) -> anyhow::Result<Vec<T>> {
    match text {
        None => Ok(all.to_vec()),
        Some(text) => match parse(text) {
            Some(value) => Ok(vec![value]),
            None => bail!("ssl.products.{name}: {text} is none"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(toml: &str) -> anyhow::Result<SslOptions> {
        let file = config::File::from_str(toml, config::FileFormat::Toml);
        let ssl: Ssl = config::Config::builder().add_source(file).build()?.try_deserialize()?;
        let mut options = SslOptions::default();
        ssl.apply(&mut options).map(|()| options)
    }

    #[test]
    fn a_catalogue_names_what_it_has() {
        let all = options("").unwrap().products.products().len();
        assert!(all > 100);
        let text = "[[products]]\nbrand = \"geotrust\"\ntype = \"DV_SSL_CERT\"\nyears = [0, 1]\n";
        let some = options(text).unwrap();
        assert_eq!(some.products.products().len(), 3 * 2);
        let ca = "[authorities.web]\nca_id = \"66504812-fedc-414a-9b7c-4c1836398524\"\n";
        let with_issuer = options(&format!("{text}issuer = \"web\"\n{ca}")).unwrap();
        assert!(with_issuer.products.products().iter().all(|product| product.issuer == "web"));
        for bad in [
            "free_certificates = -1",
            "[[products]]\nbrand = \"ACME\"",
            "[[products]]\nissuer = \"web\"",
            "[[products]]\nyears = [11]",
            "[[products]]\n[[products]]",
            "[authorities.web]\nca_id = \"web\"",
        ] {
            assert!(options(bad).is_err(), "{bad}");
        }
    }
}

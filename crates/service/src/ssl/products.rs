//! The catalogue: what can be ordered, and who issues it.

use openccm_core::{CertificateBrand, CertificateType, DomainType, Invalid, Subject};

/// The issuer of products that name none: an authority of this server, made on first use.
pub const OWN_ISSUER: &str = "own";
/// How long a certificate with term 0 is valid, in months.
pub const FREE_MONTHS: i64 = 3;

/// Something that can be ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The brand.
    pub brand: CertificateBrand,
    /// What is verified.
    pub certificate_type: CertificateType,
    /// For which domain names.
    pub domain_type: DomainType,
    /// For how many years; 0 for three months, free.
    pub years: i64,
    /// Who issues it: [`OWN_ISSUER`], or an issuer of the settings.
    pub issuer: String,
}

/// Everything that can be ordered.
#[derive(Clone, Debug)]
pub struct Catalogue(Vec<Product>);

impl Catalogue {
    /// A catalogue of these products.
    ///
    /// # Errors
    /// Two products that differ in their issuer alone: an order could not say which.
    pub fn new(products: Vec<Product>) -> Result<Self, String> {
        for (index, product) in products.iter().enumerate() {
            if products[..index].iter().any(|other| other.id() == product.id()) {
                return Err(format!("{} is there twice", product.name()));
            }
        }
        Ok(Self(products))
    }

    /// All products.
    pub fn products(&self) -> &[Product] {
        &self.0
    }

    /// The product with this id.
    ///
    /// # Errors
    /// There is none (`SCM.0017`).
    pub fn find_by_id(&self, id: &str) -> Result<&Product, Invalid> {
        let product = self.0.iter().find(|product| product.id() == id.trim());
        product.ok_or_else(|| Invalid::new(Subject::Product, "product_id", "is no product of the catalogue"))
    }

    /// The product with these properties.
    ///
    /// # Errors
    /// The first property that no product has together with those before it.
    pub fn find(
        &self,
        brand: CertificateBrand,
        certificate_type: CertificateType,
        domain_type: DomainType,
        years: i64,
    ) -> Result<&Product, Invalid> {
        let none = |subject, field| Invalid::new(subject, field, "is not among what the catalogue has of this kind");
        let of_brand: Vec<_> = self.0.iter().filter(|product| product.brand == brand).collect();
        if of_brand.is_empty() {
            return Err(none(Subject::Brand, "cert_brand"));
        }
        let of_type: Vec<_> = of_brand.into_iter().filter(|p| p.certificate_type == certificate_type).collect();
        if of_type.is_empty() {
            return Err(none(Subject::CertificateType, "cert_type"));
        }
        let of_domains: Vec<_> = of_type.into_iter().filter(|p| p.domain_type == domain_type).collect();
        if of_domains.is_empty() {
            return Err(none(Subject::DomainType, "domain_type"));
        }
        let product = of_domains.into_iter().find(|product| product.years == years);
        product.ok_or_else(|| none(Subject::EffectiveTime, "effective_time"))
    }
}

impl Default for Catalogue {
    /// Every brand, type and kind of domain names for one to three years, and free ones for one domain name; all issued by an
    /// authority of this server.
    fn default() -> Self {
        let mut products = Vec::new();
        for brand in CertificateBrand::ALL {
            for certificate_type in CertificateType::ALL {
                for domain_type in DomainType::ALL {
                    let free = !certificate_type.names_organization() && *domain_type == DomainType::Single;
                    for years in i64::from(!free)..=3 {
                        products.push(Product {
                            brand: *brand,
                            certificate_type: *certificate_type,
                            domain_type: *domain_type,
                            years,
                            issuer: OWN_ISSUER.to_owned(),
                        });
                    }
                }
            }
        }
        Self(products)
    }
}

impl Product {
    /// Its id, in the form of the vendor's.
    pub fn id(&self) -> String {
        let place = |index: Option<usize>| index.map_or(0, |index| index + 1);
        let brand = place(CertificateBrand::ALL.iter().position(|brand| *brand == self.brand));
        let kind = place(CertificateType::ALL.iter().position(|kind| *kind == self.certificate_type));
        let domains = place(DomainType::ALL.iter().position(|domains| *domains == self.domain_type));
        format!("{:05}-{}-{}--{}", 300 + brand, 106_000 + kind, domains - 1, self.years)
    }

    /// Its name, in the form of the vendor's: `globalsign.single.ov.2`.
    pub fn name(&self) -> String {
        let domains = match self.domain_type {
            DomainType::Single => "single",
            DomainType::Wildcard => "wildcard",
            DomainType::Multi => "multi",
        };
        let kind = self.certificate_type.as_str().replace("_SSL_CERT", "");
        format!("{}.{domains}.{kind}.{}", self.brand, self.years).to_lowercase()
    }

    /// How long its certificates are valid, in months.
    pub fn months(&self) -> i64 {
        if self.years == 0 { FREE_MONTHS } else { 12 * self.years }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_product_is_found_by_its_id_and_by_its_properties() {
        let catalogue = Catalogue::default();
        assert_eq!(catalogue.products().len(), 6 * (6 * 3 * 3 + 2));
        for product in catalogue.products() {
            assert_eq!(catalogue.find_by_id(&product.id()), Ok(product));
            let found = catalogue.find(product.brand, product.certificate_type, product.domain_type, product.years);
            assert_eq!(found, Ok(product));
        }
        assert!(Catalogue::new(catalogue.products().to_vec()).is_ok());
        assert!(Catalogue::new([catalogue.products(), &catalogue.products()[..1]].concat()).is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        let all = Catalogue::default();
        let one = Catalogue::new(all.products()[..1].to_vec()).unwrap();
        let Product { brand, certificate_type, domain_type, years, .. } = all.products()[0];
        let other = all.products().last().unwrap();
        let subject = |found: Result<&Product, Invalid>| found.unwrap_err().subject;
        assert_eq!(subject(one.find(other.brand, certificate_type, domain_type, years)), Subject::Brand);
        assert_eq!(subject(one.find(brand, other.certificate_type, domain_type, years)), Subject::CertificateType);
        assert_eq!(subject(one.find(brand, certificate_type, other.domain_type, years)), Subject::DomainType);
        assert_eq!(subject(one.find(brand, certificate_type, domain_type, 3)), Subject::EffectiveTime);
        assert_eq!(subject(one.find_by_id("00301-106005-0--0")), Subject::Product);
    }
}

use crate::text_enum::text_enum;

text_enum! {
    /// The key of an authority or certificate (`key_algorithm`).
    pub enum KeyAlgorithm {
        /// RSA with a modulus of 2048 bits.
        Rsa2048 = "RSA2048",
        /// RSA with a modulus of 3072 bits. SSL certificates alone can be asked for with it.
        Rsa3072 = "RSA3072",
        /// RSA with a modulus of 4096 bits.
        Rsa4096 = "RSA4096",
        /// ECDSA on P-256.
        Ec256 = "EC256",
        /// ECDSA on P-384.
        Ec384 = "EC384",
    }
}

text_enum! {
    /// The hash under an authority's signature (`signature_algorithm`).
    pub enum HashAlgorithm {
        /// SHA-256.
        Sha256 = "SHA256",
        /// SHA-384.
        Sha384 = "SHA384",
        /// SHA-512.
        Sha512 = "SHA512",
    }
}

impl KeyAlgorithm {
    /// What private certificates and their authorities can be asked for with (`PCA.00020102`).
    pub const PRIVATE: [Self; 4] = [Self::Rsa2048, Self::Rsa4096, Self::Ec256, Self::Ec384];

    /// Whether keys of this kind take so long to make and use that it must not happen on an async worker thread.
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }
}

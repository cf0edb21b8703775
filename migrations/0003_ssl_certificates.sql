-- SSL certificates: imported ones, and ordered ones from the order on. A row stays when its certificate is deleted.
CREATE TABLE ssl_certificates (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    enterprise_project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Name and domain names in lower case, for searching.
    search_text TEXT NOT NULL,
    description TEXT,
    -- EXPIRED is never stored.
    status TEXT NOT NULL,

    -- What was ordered; null for imported ones.
    order_id TEXT,
    brand TEXT,
    type TEXT,
    domain_type TEXT NOT NULL,
    primary_domain_type TEXT,
    domain_count BIGINT NOT NULL,
    wildcard_count BIGINT NOT NULL,
    validity_months BIGINT NOT NULL,
    -- The issuer of the product that was ordered, by its name in the settings.
    issuer TEXT,

    -- What it is for: the first domain name, and the others with semicolons between them.
    domain TEXT NOT NULL,
    sans TEXT NOT NULL,
    -- The names that are to be added (SUPPLEMENTCHECKING).
    added_sans TEXT NOT NULL,
    validation_method TEXT,
    key_algorithm TEXT,
    -- The applicant's own signing request (PEM), where there is one.
    csr TEXT,
    -- Who applied (JSON), sealed.
    sealed_application BYTEA,

    -- The certificate and those above it (DER, one after the other).
    certificate BYTEA,
    chain BYTEA,
    -- SHA-1 and SHA-256 of the certificate, in hexadecimal digits.
    fingerprint TEXT,
    digest TEXT,
    signature_algorithm TEXT,
    not_before BIGINT,
    not_after BIGINT,
    issued_at BIGINT,
    revocation_reason TEXT,
    -- Why the last application was refused.
    failure TEXT,
    -- The certificate that this one renews.
    origin_id TEXT,

    -- When the order is to be looked at again, and how often it was in vain; null where there is nothing to do.
    next_step_at BIGINT,
    attempts BIGINT NOT NULL DEFAULT 0,

    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX ssl_certificates_by_account ON ssl_certificates (account_id, updated_at);
CREATE INDEX ssl_certificates_by_digest ON ssl_certificates (account_id, digest);
CREATE INDEX ssl_certificates_by_step ON ssl_certificates (next_step_at);
CREATE INDEX ssl_certificates_by_end ON ssl_certificates (not_after);

-- What happened to an order, and by whom: the operator's verdicts among it.
CREATE TABLE ssl_order_events (
    certificate_id TEXT NOT NULL REFERENCES ssl_certificates (id),
    -- Counts up within the certificate.
    number BIGINT NOT NULL,
    happened_at BIGINT NOT NULL,
    event TEXT NOT NULL,
    -- The user, the operator, or empty where the server did it.
    actor TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (certificate_id, number)
);

-- Pictures of documents of the organization, sealed: BL (bank permit) and TL (business licence).
CREATE TABLE ssl_pictures (
    certificate_id TEXT NOT NULL REFERENCES ssl_certificates (id),
    kind TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (certificate_id, kind)
);

-- The authorities of this server that issue SSL certificates: made on first use, by account and issuer.
CREATE TABLE ssl_authorities (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    issuer TEXT NOT NULL,
    ca_id TEXT NOT NULL REFERENCES certificate_authorities (id),
    PRIMARY KEY (account_id, issuer)
);

-- The certificates that an authority of this server issued for an order: more than one where names were added.
CREATE TABLE ssl_issuances (
    private_certificate_id TEXT PRIMARY KEY REFERENCES private_certificates (id),
    certificate_id TEXT NOT NULL REFERENCES ssl_certificates (id)
);
CREATE INDEX ssl_issuances_by_certificate ON ssl_issuances (certificate_id);

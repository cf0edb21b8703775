-- Accounts at ACME services (RFC 8555), by the issuer's name in the settings and the service's directory (URL).
CREATE TABLE acme_accounts (
    issuer TEXT NOT NULL,
    directory_url TEXT NOT NULL,
    account_url TEXT NOT NULL,
    -- The account's key and addresses (JSON), sealed.
    sealed_credentials BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, directory_url)
);

-- The order under way at an ACME service for a certificate.
CREATE TABLE acme_orders (
    certificate_id TEXT PRIMARY KEY REFERENCES ssl_certificates (id),
    issuer TEXT NOT NULL,
    account_url TEXT NOT NULL,
    order_url TEXT NOT NULL,
    -- What it is for: the domain names, sorted, with semicolons between them, and the signing request (DER).
    domains TEXT NOT NULL,
    csr BYTEA NOT NULL,
    -- Since when the service has been told that all its challenges are met; null while there is something to do for them.
    answered_at BIGINT,
    created_at BIGINT NOT NULL
);

-- What ACME services issued for a certificate, from the first on: all of them are revoked with it.
CREATE TABLE acme_certificates (
    certificate_id TEXT NOT NULL REFERENCES ssl_certificates (id),
    number BIGINT NOT NULL,
    issuer TEXT NOT NULL,
    der BYTEA NOT NULL,
    not_after BIGINT NOT NULL,
    PRIMARY KEY (certificate_id, number)
);

-- The challenges that such an order has to meet. They end with it, or earlier; TXT records that are still there outlast it.
CREATE TABLE acme_challenges (
    certificate_id TEXT NOT NULL REFERENCES ssl_certificates (id),
    authorization_url TEXT NOT NULL,
    -- The issuer's name in the settings: it has the program that removes the record.
    issuer TEXT NOT NULL,
    -- Two orders of one account may share an authorization, and so a token.
    token TEXT NOT NULL,
    key_authorization TEXT NOT NULL,
    -- DNS-01: the name and value of the TXT record; null for HTTP-01.
    record_name TEXT,
    record_value TEXT,
    -- Since when it can be seen; null before.
    presented_at BIGINT,
    PRIMARY KEY (certificate_id, authorization_url)
);
CREATE INDEX acme_challenges_by_token ON acme_challenges (token);
CREATE INDEX acme_challenges_by_authorization ON acme_challenges (authorization_url);

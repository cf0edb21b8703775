-- Certificates of the API gateway. A deleted one is gone, with its key: it was issued elsewhere.
CREATE TABLE gateway_certificates (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    -- The project in whose name it was made.
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Whether it is for every gateway (global) or for one (instance).
    scope TEXT NOT NULL,
    -- The gateway that it is for; "common" for every one.
    instance_id TEXT NOT NULL,

    -- The certificate, those above it, and the CAs whose clients are let in (DER, each one after the other).
    certificate BYTEA NOT NULL,
    chain BYTEA NOT NULL,
    trusted_roots BYTEA NOT NULL,

    -- What lists show and look for.
    common_name TEXT NOT NULL,
    -- Domain names and addresses, with line feeds between them.
    alternative_names TEXT NOT NULL,
    algorithm_type TEXT NOT NULL,
    signature_algorithm TEXT NOT NULL,
    -- Name and common name in lower case, for searching.
    name_search TEXT NOT NULL,
    common_name_search TEXT NOT NULL,
    not_after BIGINT NOT NULL,

    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (account_id, name)
);
CREATE INDEX gateway_certificates_by_account ON gateway_certificates (account_id, created_at);

-- The domain names that gateways answer to, as the operator made them known: each in a group of APIs of a gateway.
CREATE TABLE gateway_domains (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    instance_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    -- In lower case and ASCII; the first label may be *.
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,

    -- The certificate that is bound to it, and whether clients must show one of their own (1).
    certificate_id TEXT REFERENCES gateway_certificates (id),
    verifies_clients BIGINT NOT NULL DEFAULT 0,
    -- One gateway finds one group by the name that a client asks for.
    UNIQUE (instance_id, name)
);
CREATE INDEX gateway_domains_by_account ON gateway_domains (account_id, name);
CREATE INDEX gateway_domains_by_certificate ON gateway_domains (certificate_id);

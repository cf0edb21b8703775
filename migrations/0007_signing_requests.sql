-- Signing requests of servers: made here with their keys, or uploaded, with their keys or without. The keys are among the
-- private keys, by the id of the request.
CREATE TABLE ssl_signing_requests (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    -- The name in lower case, for searching.
    search_text TEXT NOT NULL,
    -- PEM.
    csr TEXT NOT NULL,
    -- SHA-256 of its public key (SubjectPublicKeyInfo), in hexadecimal digits: by it a certificate finds its key.
    key_digest TEXT NOT NULL,
    private_key_algo TEXT NOT NULL,
    -- PERSONAL or ENTERPRISE.
    usage TEXT NOT NULL,
    -- The first domain name, and the others with semicolons between them.
    domain_name TEXT NOT NULL,
    sans TEXT NOT NULL,
    company_country TEXT,
    company_province TEXT,
    company_city TEXT,
    company_name TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX ssl_signing_requests_by_account ON ssl_signing_requests (account_id, created_at);
CREATE INDEX ssl_signing_requests_by_key ON ssl_signing_requests (account_id, key_digest);

-- Pushes of SSL certificates to the servers that serve them: one row a wish. A row stays: it is the history.
CREATE TABLE ssl_pushes (
    id TEXT PRIMARY KEY,
    certificate_id TEXT NOT NULL REFERENCES ssl_certificates (id),
    account_id TEXT NOT NULL REFERENCES accounts (id),
    -- ELB, WAF or CDN, and the region; empty for CDN, which has none.
    service TEXT NOT NULL,
    region TEXT NOT NULL,
    -- The resource that it is deployed to (JSON); null where it is only pushed.
    resource TEXT,
    -- The certificate whose copy in the service this one takes the place of.
    renews TEXT,
    -- PENDING, ACCEPTED, SERVING, NOT_SERVING or FAILED.
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- When it is to be tried, or looked at, again; null where it is done with.
    next_attempt_at BIGINT,
    -- What the last attempt failed with (REFUSED, FORBIDDEN, ...), and why.
    failure TEXT,
    reason TEXT,
    created_at BIGINT NOT NULL,
    -- When the service accepted it.
    pushed_at BIGINT
);
CREATE INDEX ssl_pushes_by_certificate ON ssl_pushes (certificate_id, created_at);
CREATE INDEX ssl_pushes_by_attempt ON ssl_pushes (next_attempt_at);

-- Under which id a service has a certificate. One copy a place: it is updated, never made twice.
CREATE TABLE ssl_push_copies (
    certificate_id TEXT NOT NULL REFERENCES ssl_certificates (id),
    service TEXT NOT NULL,
    region TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    -- SHA-256 of the certificate that is there, in hexadecimal digits.
    digest TEXT NOT NULL,
    PRIMARY KEY (certificate_id, service, region)
);

-- What certificates are deployed to: a resource serves one of them.
CREATE TABLE ssl_push_resources (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    service TEXT NOT NULL,
    region TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    -- Of WAF: premium or cloud; empty otherwise.
    kind TEXT NOT NULL,
    certificate_id TEXT NOT NULL REFERENCES ssl_certificates (id),
    deployed_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, service, region, resource_id)
);
CREATE INDEX ssl_push_resources_by_certificate ON ssl_push_resources (certificate_id);

-- The embedded registry: certificates as ELB and WAF show them. Keys are not among them.
CREATE TABLE registered_certificates (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    project_id TEXT NOT NULL,
    service TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The domain names, with commas between them.
    domains TEXT NOT NULL,
    -- The certificate and those above it, PEM.
    content TEXT NOT NULL,
    not_after BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX registered_certificates_by_project ON registered_certificates (project_id, service);

-- One text for SQLite and PostgreSQL. BIGINT for every number, milliseconds since the epoch for every time, TEXT for ids,
-- BYTEA for DER and sealed secrets (SQLite keeps the bytes as they are).

-- Facts about this database, such as the proof that a master key belongs to it.
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    -- How many private certificates count against the quota; kept in step with private_certificates by its writers.
    certificates_used BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (account_id, name)
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    -- 1 for those who may do everything in their account.
    administrator BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (account_id, name)
);

CREATE TABLE access_keys (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    -- Signatures are made with the secret itself, so it is sealed, not hashed.
    sealed_secret BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE tokens (
    hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    project_id TEXT REFERENCES projects (id),
    method TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);

-- Certificate authorities. A row stays when its authority is gone, for the certificates below it and for revocation; only
-- an authority that never had a certificate is really deleted.
CREATE TABLE certificate_authorities (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    generation_mode TEXT NOT NULL,
    issuer_id TEXT REFERENCES certificate_authorities (id),
    issuer_name TEXT,
    path_length BIGINT NOT NULL,
    key_algorithm TEXT NOT NULL,
    signature_algorithm TEXT,
    key_usages TEXT NOT NULL,
    serial_number TEXT,
    common_name TEXT,
    country TEXT,
    state TEXT,
    locality TEXT,
    organization TEXT,
    organizational_unit TEXT,
    -- The common name in lower case, for searching.
    search_name TEXT NOT NULL,
    enterprise_project_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When a scheduled deletion takes effect.
    deletes_at BIGINT,
    not_before BIGINT,
    not_after BIGINT,
    revoked_at BIGINT,
    revocation_reason TEXT,
    crl_name TEXT,
    crl_bucket TEXT,
    crl_valid_days BIGINT,
    crl_address TEXT,
    ocsp_address TEXT,
    certificate BYTEA,
    -- The chain of an imported certificate: PEM, issuer first, root last.
    imported_chain TEXT
);
CREATE INDEX certificate_authorities_by_account ON certificate_authorities (account_id, created_at, id);
CREATE UNIQUE INDEX certificate_authorities_by_serial ON certificate_authorities (issuer_id, serial_number);

-- Private certificates. A row stays when its certificate is deleted: what was issued can still be revoked and asked for.
CREATE TABLE private_certificates (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    generation_mode TEXT NOT NULL,
    issuer_id TEXT NOT NULL REFERENCES certificate_authorities (id),
    issuer_name TEXT,
    key_algorithm TEXT NOT NULL,
    signature_algorithm TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    common_name TEXT,
    country TEXT,
    state TEXT,
    locality TEXT,
    organization TEXT,
    organizational_unit TEXT,
    search_name TEXT NOT NULL,
    enterprise_project_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    revoked_at BIGINT,
    revocation_reason TEXT,
    deleted_at BIGINT,
    certificate BYTEA NOT NULL
);
CREATE INDEX private_certificates_by_account ON private_certificates (account_id, created_at, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX private_certificates_by_serial ON private_certificates (issuer_id, serial_number);

-- Sealed private keys, apart from what lists read, so that destroying a key is deleting its row.
CREATE TABLE private_keys (
    owner_id TEXT PRIMARY KEY,
    sealed BYTEA NOT NULL
);

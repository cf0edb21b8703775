-- Revoked certificates, by issuer and serial number. A table of its own, because a published list may name a certificate
-- that this database does not know: one that was issued after the backup from which the database was restored.
CREATE TABLE revocations (
    issuer_id TEXT NOT NULL REFERENCES certificate_authorities (id),
    serial_number TEXT NOT NULL,
    revoked_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    -- Since when the key or the certificate is suspect, where that is known.
    invalid_since BIGINT,
    -- The end of the certificate, where it is known: past it, the certificate leaves the lists.
    not_after BIGINT,
    -- The partition of the issuer's list that names it beside the complete list; 0 for none.
    crl_partition BIGINT NOT NULL,
    PRIMARY KEY (issuer_id, serial_number)
);
CREATE INDEX revocations_by_partition ON revocations (issuer_id, crl_partition, serial_number);

-- The partition in which a certificate would be listed: fixed at its issuance, for its address stands in the certificate.
ALTER TABLE private_certificates ADD COLUMN crl_partition BIGINT NOT NULL DEFAULT 0;
ALTER TABLE certificate_authorities ADD COLUMN crl_partition BIGINT NOT NULL DEFAULT 0;
-- Into how many partitions the authority's own list is split; NULL where it publishes none.
ALTER TABLE certificate_authorities ADD COLUMN crl_partitions BIGINT;
-- The most that it was ever split into: certificates issued then name them.
ALTER TABLE certificate_authorities ADD COLUMN crl_partitions_made BIGINT NOT NULL DEFAULT 0;
-- The highest CRL number that the authority has used, whichever list it was for.
ALTER TABLE certificate_authorities ADD COLUMN crl_number BIGINT NOT NULL DEFAULT 0;
-- Rises with each revocation below the authority, so that every server sees that what it remembers is out of date.
ALTER TABLE certificate_authorities ADD COLUMN revocations_made BIGINT NOT NULL DEFAULT 0;

INSERT INTO revocations (issuer_id, serial_number, revoked_at, reason, not_after, crl_partition)
SELECT issuer_id, serial_number, revoked_at, revocation_reason, not_after, 0
FROM private_certificates WHERE revoked_at IS NOT NULL;

INSERT INTO revocations (issuer_id, serial_number, revoked_at, reason, not_after, crl_partition)
SELECT issuer_id, serial_number, revoked_at, revocation_reason, not_after, 0
FROM certificate_authorities WHERE revoked_at IS NOT NULL AND issuer_id IS NOT NULL;

-- The revocation lists that are kept published: for each authority the complete one, and its partitions.
CREATE TABLE revocation_lists (
    ca_id TEXT NOT NULL REFERENCES certificate_authorities (id),
    -- 0 for the complete list.
    crl_partition BIGINT NOT NULL,
    bucket TEXT NOT NULL,
    object TEXT NOT NULL,
    -- Its public address (URI).
    address TEXT NOT NULL,
    valid_days BIGINT NOT NULL,
    -- How often the list has been asked for, and how often it had been when what is published was made.
    wanted BIGINT NOT NULL DEFAULT 1,
    published BIGINT NOT NULL DEFAULT 0,
    -- When a new one is due even if nothing changes.
    renew_at BIGINT NOT NULL DEFAULT 0,
    -- What is published: its times, its entries and the version of its object.
    this_update BIGINT,
    next_update BIGINT,
    entries BIGINT NOT NULL DEFAULT 0,
    version TEXT,
    PRIMARY KEY (ca_id, crl_partition),
    UNIQUE (bucket, object)
);
CREATE INDEX revocation_lists_by_renewal ON revocation_lists (renew_at);

-- The buckets that lists can be published to.
CREATE TABLE buckets (
    name TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- The accounts that let this server write into buckets.
CREATE TABLE agencies (
    account_id TEXT PRIMARY KEY REFERENCES accounts (id),
    id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- The delegated OCSP responder of each authority whose OCSP is on.
CREATE TABLE ocsp_responders (
    ca_id TEXT PRIMARY KEY REFERENCES certificate_authorities (id),
    serial_number TEXT NOT NULL,
    certificate BYTEA NOT NULL,
    key_algorithm TEXT NOT NULL,
    sealed_key BYTEA NOT NULL,
    renew_at BIGINT NOT NULL
);

-- Up to when each of the clock's jobs has done what was due.
CREATE TABLE jobs (
    name TEXT PRIMARY KEY,
    done_until BIGINT NOT NULL
);

CREATE INDEX private_certificates_by_end ON private_certificates (not_after);

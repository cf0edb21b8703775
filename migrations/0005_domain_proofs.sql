-- What an applicant must show before an SSL certificate is issued: for each domain name, that it is the applicant's.
CREATE TABLE domain_proofs (
    certificate_id TEXT NOT NULL REFERENCES ssl_certificates (id),
    -- The name without a wildcard, in ASCII and lower case, or an IP address.
    domain TEXT NOT NULL,
    -- Its place among the names applied for.
    position BIGINT NOT NULL,
    -- DNS, FILE or EMAIL.
    method TEXT NOT NULL,
    -- What is looked for, and where: the name and text of a TXT record, the path and content of a file; empty for mails.
    record_name TEXT NOT NULL,
    record_type TEXT NOT NULL,
    record_value TEXT NOT NULL,
    -- PENDING, VERIFIED or EXPIRED.
    status TEXT NOT NULL,
    -- Why the last look was in vain.
    last_error TEXT,
    attempts BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When it is to be looked at next; null where it is not.
    next_check_at BIGINT,
    -- When it was last looked at; null also where that was not needed.
    checked_at BIGINT,
    verified_at BIGINT,
    PRIMARY KEY (certificate_id, domain)
);
CREATE INDEX domain_proofs_by_check ON domain_proofs (next_check_at);

-- The mails that ask the administrators of a domain for their consent. A row goes when its proof is settled.
CREATE TABLE domain_proof_mails (
    certificate_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    address TEXT NOT NULL,
    -- SHA-256 of the token in the mail's link, in hexadecimal digits; null before the first attempt to send it.
    token_hash TEXT UNIQUE,
    sent_at BIGINT,
    -- 1 where a mail server has refused it for good.
    refused BIGINT NOT NULL,
    PRIMARY KEY (certificate_id, domain, address),
    FOREIGN KEY (certificate_id, domain) REFERENCES domain_proofs (certificate_id, domain)
);

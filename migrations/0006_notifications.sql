-- Which notices are wanted about which SSL certificate.
CREATE TABLE ssl_subscriptions (
    certificate_id TEXT NOT NULL REFERENCES ssl_certificates (id),
    -- CERT_EXPIRING or CERT_EXPIRED.
    notice_type TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (certificate_id, notice_type)
);

-- The notices that are due or were sent: a row for each recipient, so that each gets each notice once.
CREATE TABLE ssl_notices (
    certificate_id TEXT NOT NULL REFERENCES ssl_certificates (id),
    notice_type TEXT NOT NULL,
    -- So many days before the end, or less; 0 where it is past.
    threshold_days BIGINT NOT NULL,
    -- The end that it is about: a certificate that is issued anew has another.
    ends_at BIGINT NOT NULL,
    -- A mail address, or WEBHOOK.
    recipient TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it is to be tried (again); null where it was sent, or another came after it.
    next_try_at BIGINT,
    attempts BIGINT NOT NULL,
    sent_at BIGINT,
    last_error TEXT,
    PRIMARY KEY (certificate_id, notice_type, threshold_days, ends_at, recipient)
);
CREATE INDEX ssl_notices_by_try ON ssl_notices (next_try_at);

-- Tags of resources: so far of SSL certificates.
CREATE TABLE tags (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    tag_key TEXT NOT NULL,
    tag_value TEXT NOT NULL,
    PRIMARY KEY (account_id, resource_type, resource_id, tag_key)
);
CREATE INDEX tags_by_key ON tags (account_id, resource_type, tag_key, tag_value);

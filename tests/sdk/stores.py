"""Where buckets are in tests: a folder of the server's, and an S3-compatible service where one is named.

TEST_S3_ENDPOINT, TEST_S3_ACCESS_KEY and TEST_S3_SECRET_KEY name the service (scripts/radosgw sets them). Without them
there is no parameter for it: the names of a run's tests say what it covers.
"""

import json
import os
import secrets
import subprocess

S3_ENDPOINT = os.environ.get("TEST_S3_ENDPOINT")

# The folder; a service's buckets that OpenCCM serves; a service's buckets that anybody may read there.
NAMES = ("folder", "s3", "s3-public") if S3_ENDPOINT else ("folder",)


class Store:
    """One place for buckets: the settings of a server that uses it, and how its buckets come to be."""

    def __init__(self, name):
        self.name = name
        self.settings = {}
        if name.startswith("s3"):
            self.settings = {
                "OPENCCM_BUCKETS__ENDPOINT": S3_ENDPOINT,
                "OPENCCM_BUCKETS__ACCESS_KEY": os.environ["TEST_S3_ACCESS_KEY"],
                "OPENCCM_BUCKETS__SECRET_KEY": os.environ["TEST_S3_SECRET_KEY"],
            }
        if self.is_public:
            self.settings["OPENCCM_BUCKETS__PUBLIC_URL"] = S3_ENDPOINT

    @property
    def is_public(self):
        """Whether relying parties read the buckets there, not from OpenCCM."""
        return self.name == "s3-public"

    def create_bucket(self, server):
        """A new bucket, of a name that no other test has: a service is shared."""
        bucket = server.create_bucket(f"lists-{secrets.token_hex(6)}")
        if self.is_public:
            allow_reading(bucket)
        return bucket

    def address(self, server, bucket, list_name):
        """Where relying parties are to find a list."""
        base = S3_ENDPOINT if self.is_public else f"{server.url}/crl"
        return f"{base}/{bucket}/{list_name}.crl"


def allow_reading(bucket):
    """Lets anybody read the bucket's objects, as its owner does."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    key = f"{os.environ['TEST_S3_ACCESS_KEY']}:{os.environ['TEST_S3_SECRET_KEY']}"
    command = [
        "curl", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*", "--max-time", "30",
        "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", key, "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
        "--request", "PUT", "--data", policy, f"{S3_ENDPOINT}/{bucket}?policy=",
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr

"""The clock's work, as an operator sees it."""

import json
import os
import re
import secrets
import socket
import subprocess
import time

import pytest
import requests

import relying_party
from pca import Pca
from server import wait_for

JOBS = (
    "publish_lists",
    "renew_responders",
    "expire",
    "purge",
    "forget_tokens",
    "progress_orders",
    "retry_pushes",
    "notify",
)
# A PostgreSQL server, where one is named: several servers can share a database only there.
DATABASE_SERVERS = [os.environ["TEST_DATABASE_URL"]] if "TEST_DATABASE_URL" in os.environ else []
ELECTED = "this server does the clock's jobs"


def leads(server):
    """Of which groups of jobs the server's metrics say that it does them; there is an election for each."""
    text = requests.get(f"{server.url}/metrics", timeout=30).text
    return dict(re.findall(r'^openccm_job_leader\{election="(.+)"\} ([01])$', text, re.M))


def leads_all(server):
    held = leads(server)
    return held.get("jobs") == "1" and set(held.values()) == {"1"}


def leads_none(server):
    held = leads(server)
    return held.get("jobs") == "0" and set(held.values()) == {"0"}


def test_metrics_tell_what_is_done(new_server, tmp_path):
    server = new_server(OPENCCM_BUCKETS__NAMES="lists").start()
    pca = Pca.of(server)
    pca.allow_publishing()
    root_id = pca.create_root("Metric Root")
    address = pca.publish(root_id, "lists")
    pca.switch_ocsp(root_id)
    certificate_id = pca.create_certificate("metric.example.com", root_id)
    exported = pca.export(certificate_id)
    pca.revoke(certificate_id)
    wait_for(lambda: relying_party.fetch_list(address).reasons, "the list names it")
    assert server.metric("openccm_crl_publications_total", outcome="published") == 2
    assert server.metric("openccm_crl_publications_total", outcome="failed") == 0
    request = relying_party.make_request(exported.certificate, exported.certificate_chain, tmp_path)
    responder = relying_party.responder_address(exported.certificate)
    for content in (request, request, b"no request"):
        assert relying_party.post(responder, content).ok
    assert server.metric("openccm_ocsp_responses_total", status="successful") == 2
    assert server.metric("openccm_ocsp_responses_total", status="malformed_request") == 1

    # All jobs run at the start.
    server.restart()
    wait_for(lambda: leads_all(server), "the server is elected")
    for job in JOBS:
        runs = lambda job=job: server.metric("openccm_job_runs_total", job=job, outcome="succeeded")  # noqa: E731
        wait_for(runs, f"{job} has run")
        assert server.metric("openccm_job_last_success_timestamp_seconds", job=job) > 1.7e9
        assert server.metric("openccm_job_duration_seconds_count", job=job) >= 1
    assert server.metric("openccm_job_runs_total", outcome="failed") == 0
    assert leads_all(server)
    assert server.metric("openccm_crl_lists") == 1
    assert server.metric("openccm_crl_lists_due") == 0
    assert server.metric("openccm_crl_first_next_update_timestamp_seconds") > 1.7e9

    text = requests.get(f"{server.url}/metrics", timeout=30).text
    relying_party.download(address)
    assert root_id not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text), "ids would make a series each"
    described = set(re.findall(r"^# HELP (\S+)", text, re.M))
    own = set(re.findall(r"^(openccm_(?:crl|job|ocsp)\w+?)(?:_bucket|_sum|_count)?(?:\{| )", text, re.M))
    assert own <= described


def share_credentials(first, second):
    """Tells where the second server will be and how to sign in there: it makes no account of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        second.address = f"127.0.0.1:{free.getsockname()[1]}"
    second.data.mkdir(mode=0o700)
    second.credentials_file.write_text(json.dumps(first.credentials | {"endpoint": f"http://{second.address}"}))


@pytest.mark.parametrize("database_server", DATABASE_SERVERS, ids=["PostgreSQL"][: len(DATABASE_SERVERS)])
def test_one_server_does_the_jobs_and_another_takes_over(new_server, tmp_path, database_server):
    base, _ = database_server.rsplit("/", 1)
    name = f"openccm_jobs_{secrets.token_hex(6)}"

    def sql(statement):
        subprocess.run(["psql", database_server, "-c", statement], check=True, capture_output=True, timeout=60)

    sql(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    shared = {
        "OPENCCM_DATABASE_URL": f"{base}/{name}",
        "OPENCCM_MASTER_KEY_FILE": tmp_path / "master.key",
        "OPENCCM_BUCKETS__FOLDER": tmp_path / "buckets",
        "OPENCCM_BUCKETS__NAMES": "lists",
    }
    first, second = new_server(**shared), new_server(**shared)
    try:
        first.start()
        wait_for(lambda: leads_all(first), "the first server does the jobs")
        share_credentials(first, second)
        second.start()
        assert leads_none(second)

        pca = Pca.of(second)
        pca.allow_publishing()
        root_id = pca.create_root("Shared Root")
        address = pca.publish(root_id, "lists", crl_name="root")
        number = relying_party.fetch_list(address).number
        first.kill()
        began = time.monotonic()
        wait_for(lambda: leads_all(second), "the second server takes over")
        print(f"\ntook over after {time.monotonic() - began:.1f} s")
        pca.revoke(pca.create_certificate("shared.example.com", root_id))
        wait_for(lambda: relying_party.fetch_list(address).number > number, "it publishes")

        first.start()
        wait_for(lambda: second.metric("openccm_job_runs_total"), "jobs have run")
        assert leads_none(first)
        # Each was elected once, for every group.
        assert len(first.log_events(ELECTED)) == len(second.log_events(ELECTED)) == len(leads(first))
    finally:
        for server in (first, second):
            server.kill()
        sql(f"DROP DATABASE {name} WITH (FORCE)")

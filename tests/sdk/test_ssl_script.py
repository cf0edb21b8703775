"""The historical API of SSL certificates by a script of its time: v2_purchase.sh."""

import pathlib
import subprocess

from dns_server import DnsServer
from server import environment
from web_server import WebServer

SCRIPT = pathlib.Path(__file__).with_name("v2_purchase.sh")
OPERATIONS = {
    "purchase_cert",
    "list_certs",
    "show_cert",
    "modify_cert",
    "list_cert_products",
    "show_product",
    "complete_cert",
    "check_csr",
    "save_cert",
    "read_cert",
    "cancel_cert",
    "delete_cert",
    "upload_authentication",
    "download_cert_file",
    "upload_cert",
    "revoke_cert",
    "push_cert",
    "list_push_history",
    "delete_privacy_protection",
    "supplement_cert",
    "show_domain_verification",
}


def test_from_the_purchase_to_the_certificate(new_server, tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    records = tmp_path / "records"
    with DnsServer(records) as dns_server, WebServer(folder) as web_server:
        dns_server.add("files.example.org", "A", "127.0.0.1")
        server = new_server(
            OPENCCM_DOMAIN_VALIDATION__RESOLVERS=dns_server.address,
            OPENCCM_DOMAIN_VALIDATION__FILE_PORT=web_server.port,
            OPENCCM_DOMAIN_VALIDATION__OWN_ZONES="example.com",
        ).start()
        known = server.credentials
        settings = {
            "OPENCCM_URL": server.url,
            "OPENCCM_ACCOUNT": known["domain_name"],
            "OPENCCM_USER": known["user_name"],
            "OPENCCM_PASSWORD": known["password"],
            "OPENCCM_PROJECT": known["project_name"],
            "DNS_RECORDS": records,
            "WEB_FOLDER": folder,
        }
        result = subprocess.run(
            [SCRIPT], env=environment(**settings), cwd=tmp_path, capture_output=True, text=True, timeout=150
        )
    assert result.returncode == 0, result.stdout + result.stderr
    for operation in OPERATIONS:
        called = server.metric("openccm_http_requests_total", operation=operation, status="200")
        assert called, f"{operation} was not called, or never answered 200"

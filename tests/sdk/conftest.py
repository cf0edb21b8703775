"""What all tests share: servers that are gone afterwards, clients, and logs where something fails."""

import os

import pytest

import stores
from pca import Pca
from scm import Scm
from server import BINARY, Server

# The end of a log that is shown.
SHOWN_LINES = 30


def pytest_sessionstart():
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is missing: run `cargo build`, or set OPENCCM_BINARY", returncode=2)
    # The SDK would take these for what a test leaves out; proxies are not for the loopback address.
    for name in list(os.environ):
        if name.startswith("HUAWEICLOUD_") or name.lower().endswith("_proxy"):
            del os.environ[name]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for server in Server.running:
            tail = server.log().splitlines()[-SHOWN_LINES:]
            report.sections.append((f"log of {server.address}", "\n".join(tail)))
    return report


@pytest.fixture
def new_server(tmp_path_factory):
    """Makes servers for one test, not yet started: new_server(OPENCCM_QUOTA_CAS=1).start()."""
    servers = []

    def make(**settings):
        servers.append(Server(tmp_path_factory.mktemp("openccm"), **settings))
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A running server that the tests of a file share."""
    server = Server(tmp_path_factory.mktemp("openccm")).start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def pca(server):
    """The shared server as its administrator sees it."""
    return Pca.of(server)


@pytest.fixture(scope="module")
def scm(server):
    """The same, for SSL certificates."""
    return Scm.of(server)


@pytest.fixture(scope="module", params=stores.NAMES)
def store(request):
    """Each place where buckets can be."""
    return stores.Store(request.param)

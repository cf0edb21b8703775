"""What the first start makes, and what later starts want to find."""

import os
import stat

import requests
from huaweicloudsdkcore.auth.credentials import GlobalCredentials

from pca import Pca
from tokens import ask_for_token, password_body

FIELDS = {
    "endpoint",
    "domain_id",
    "domain_name",
    "project_id",
    "project_name",
    "user_name",
    "password",
    "ak",
    "sk",
}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_files_of_the_first_start(new_server):
    # A umask that would let everybody read.
    before = os.umask(0)
    try:
        server = new_server().start()
    finally:
        os.umask(before)
    assert set(server.credentials) == FIELDS
    assert all(isinstance(value, str) and value for value in server.credentials.values())
    assert mode(server.data) == 0o700
    files = {path.name: mode(path) for path in server.data.iterdir()}
    assert files.keys() >= {"credentials.json", "master.key", "openccm.db"}
    assert set(files.values()) == {0o600}, files
    key = server.master_key_file.read_text().strip()
    assert len(bytes.fromhex(key)) == 32


def test_a_later_start_leaves_them_alone(new_server):
    server = new_server().start()

    def files():
        paths = (server.credentials_file, server.master_key_file)
        return [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in paths]

    before = files()
    server.restart()
    assert files() == before
    # Nor are they needed again, or the account made anew, once they are put elsewhere.
    credentials = server.credentials
    moved = server.credentials_file.rename(server.folder / "moved.json")
    server.stop()
    log_before = len(server.log())
    result = server.run("credentials", "show")
    assert result.returncode != 0
    assert "credentials.json cannot be read" in result.stderr
    moved.rename(server.credentials_file)
    server.start()
    assert server.credentials == credentials
    assert "made the first account" not in server.log()[log_before:]


def test_a_first_start_that_was_cut_short_is_made_good(new_server):
    """A crash may leave the files of a start behind whose database was never finished."""
    server = new_server().start()
    server.stop()
    abandoned, key = server.credentials, server.master_key_file.read_text()
    for path in server.data.glob("openccm.db*"):
        path.unlink()
    # Where it listened is in the credentials; a start that finds old ones could be taken for ready too early.
    server.credentials_file.unlink()
    server.address = None
    server.start()
    assert server.master_key_file.read_text() == key
    assert server.credentials["sk"] != abandoned["sk"]
    Pca.of(server).create_root("Second Root")


def test_credentials_from_the_environment(new_server):
    given = {"PASSWORD": "Given.Pass-0", "AK": "GIVENACCESSKEY", "SK": "0123456789012345678901234567890123456789"}
    names = {"DOMAIN_NAME": "acme", "PROJECT_NAME": "home-1", "USER_NAME": "alice"}
    settings = {f"OPENCCM_BOOTSTRAP_{name}": value for name, value in (given | names).items()}
    server = new_server(**settings).start()
    known = server.credentials
    assert (known["password"], known["ak"], known["sk"]) == tuple(given.values())
    assert (known["domain_name"], known["project_name"], known["user_name"]) == tuple(names.values())
    Pca.of(server, credentials=GlobalCredentials(given["AK"], given["SK"])).create_root("Bootstrap Root")
    answer = ask_for_token(server, password_body(server, {"project": {"name": "home-1"}}, given["PASSWORD"]))
    assert answer.status_code == 201


def test_credentials_from_files(new_server, tmp_path):
    settings = {}
    for name, value in {"PASSWORD": "Filed.Pass-0", "AK": "FILEDACCESSKEY", "SK": "filed-secret"}.items():
        path = tmp_path / name
        path.write_text(value + "\n")
        settings[f"OPENCCM_BOOTSTRAP_{name}_FILE"] = path
    server = new_server(**settings).start()
    Pca.of(server, credentials=GlobalCredentials("FILEDACCESSKEY", "filed-secret")).create_root("Filed Root")
    assert ask_for_token(server, password_body(server, password="Filed.Pass-0")).status_code == 201


class TestMasterKey:
    """Without its key a database is of no use: better not to start than to start half."""

    def test_missing(self, new_server):
        server = self.used(new_server)
        server.master_key_file.unlink()
        said = server.refusal()
        assert "the master key is missing" in said
        assert "master.key does not exist" in said
        assert not server.master_key_file.exists(), "and no new one is made"

    def test_wrong(self, new_server):
        server = self.used(new_server)
        server.master_key_file.write_text("ab" * 32 + "\n")
        assert "is not the one with which this database was set up" in server.refusal()

    def test_of_another_database(self, new_server):
        server, other = self.used(new_server), self.used(new_server)
        key = server.master_key_file.read_text()
        server.master_key_file.write_text(other.master_key_file.read_text())
        assert "is not the one with which this database was set up" in server.refusal()
        server.master_key_file.write_text(key)
        listed = Pca.of(server.start()).call("list_certificate_authority")
        assert listed.total == 1, "with its own key all is as before"

    def test_damaged(self, new_server):
        server = self.used(new_server)
        server.master_key_file.write_text("not a key\n")
        said = server.refusal()
        assert "64 hexadecimal digits" in said
        assert "not a key" not in said

    def test_elsewhere(self, new_server, tmp_path):
        key = tmp_path / "elsewhere.key"
        server = new_server(OPENCCM_MASTER_KEY_FILE=key).start()
        assert (mode(key), server.master_key_file.exists()) == (0o600, False)
        assert requests.get(f"{server.url}/readyz", timeout=30).status_code == 200

    @staticmethod
    def used(new_server):
        """A stopped server that has been used."""
        server = new_server().start()
        Pca.of(server).create_root("Used Root")
        assert server.stop() == 0
        return server

"""The real binary, started in a folder of its own."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import requests

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("OPENCCM_BINARY", REPOSITORY / "target/debug/openccm"))

# How long anything may take. Only a failing test waits so long.
PATIENCE_SECONDS = 30

# What every server is started with; a test changes what it is about. RSA keys made ahead would cost much of the CPU.
SETTINGS = {
    "OPENCCM_LISTEN": "127.0.0.1:0",
    "OPENCCM_KEY_POOL_RSA2048": "0",
    "OPENCCM_KEY_POOL_RSA4096": "0",
    "OPENCCM_LOG_FORMAT": "json",
}


def wait_for(condition, what):
    """Polls until `condition` gives something true, and gives that."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {PATIENCE_SECONDS} seconds")


def environment(**settings):
    """The binary's environment: `settings` (None leaves one out), and none of the caller's OPENCCM_ variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPENCCM_")}
    chosen = {name: str(value) for name, value in (SETTINGS | settings).items() if value is not None}
    return inherited | chosen


class Server:
    """A server and its folder. Settings are variables of the environment; they may be changed between starts."""

    # Those that run now: what they logged is shown where a test fails.
    running = []

    def __init__(self, folder, **settings):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.settings = settings
        self.ca_file = None
        self.process = None
        self.address = None

    def start(self):
        """Starts the server and waits until it serves."""
        assert self.process is None, "it runs already"
        settings = dict(self.settings)
        if self.address:
            # As after any restart, clients find the server where it was.
            settings["OPENCCM_LISTEN"] = self.address
        with self.log_file.open("ab") as log, self.output_file.open("ab") as output:
            self.process = subprocess.Popen(
                [BINARY],
                cwd=self.folder,
                env=environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
            )
        Server.running.append(self)
        wait_for(self._serves, "the server answers /healthz")
        self.address = self.url.split("//")[1]
        return self

    def stop(self):
        """Asks the server to stop (SIGTERM); gives its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """Ends the server as a crash would."""
        return self._end(signal.SIGKILL)

    def restart(self):
        self.stop()
        return self.start()

    def run(self, *arguments, **settings):
        """Runs the binary's command line in the server's folder, with its settings and `settings`."""
        return subprocess.run(
            [BINARY, *arguments],
            cwd=self.folder,
            env=environment(**(self.settings | settings)),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    def create_bucket(self, name):
        """Makes a bucket as an operator does, whether the server runs or not; gives its name."""
        result = self.run("bucket", "create", name)
        assert result.returncode == 0, result.stderr
        return name

    def refusal(self, **settings):
        """Starts the server, which must refuse to start; gives what it says."""
        result = self.run(**settings)
        assert result.returncode not in (0, None), "it started, and stopped without an error"
        return result.stderr

    def metric(self, name, **labels):
        """The value of a metric with these labels, other labels summed up; 0 where there is none."""
        text = requests.get(f"{self.url}/metrics", timeout=30, verify=self.trusted).text
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        samples = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.M)
        return sum(float(value) for found, value in samples if wanted <= set(found.split(",")))

    @property
    def credentials(self):
        return json.loads(self.credentials_file.read_text())

    @property
    def url(self):
        return self.credentials["endpoint"]

    @property
    def credentials_file(self):
        return self.data / "credentials.json"

    @property
    def master_key_file(self):
        return self.data / "master.key"

    @property
    def trusted(self):
        """What `verify` of requests takes: the server's root, by default the one that it made itself."""
        path = self.ca_file or self.data / "tls" / "root.pem"
        return str(path) if path.exists() else True

    @property
    def log_file(self):
        return self.folder / "openccm.log"

    @property
    def output_file(self):
        return self.folder / "openccm.out"

    def log(self):
        """What the server has logged since its first start."""
        return self.log_file.read_text()

    def log_events(self, message):
        """The log's events with this message, in JSON."""
        lines = self.log().splitlines(keepends=True)
        events = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
        return [event for event in events if event["message"] == message]

    def _serves(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self._forget()}:\n{self.log()}")
        try:
            return requests.get(f"{self.url}/healthz", timeout=5, verify=self.trusted).ok
        except (FileNotFoundError, requests.ConnectionError, requests.Timeout):
            return False

    def _end(self, with_signal):
        if self.process is None:
            return None
        self.process.send_signal(with_signal)
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not end at {with_signal.name}:\n{self.log()}") from None
        finally:
            code = self._forget()
        return code

    def _forget(self):
        code, self.process = self.process.returncode, None
        Server.running.remove(self)
        return code

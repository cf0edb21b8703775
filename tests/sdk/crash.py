"""Crashes in the middle of work."""

import threading
from concurrent.futures import ThreadPoolExecutor

from huaweicloudsdkcore.exceptions.exceptions import SdkException

from pca import Pca

THREADS = 40


class Crash:
    """Calls from many threads at once, in the middle of which the server is killed."""

    def __init__(self, server, after, client_type=Pca):
        self.server = server
        self.after = after
        self.client_type = client_type
        self.answers = []
        self._lock = threading.Lock()
        self._crashed = threading.Event()
        self._clients = threading.local()

    def during(self, calls):
        """Makes the calls, functions of a client; gives the results of those that were answered."""
        with ThreadPoolExecutor(THREADS) as threads:
            futures = [threads.submit(self._call, call) for call in calls]
        for future in futures:
            future.result()
        # The kill was sent from a thread; this waits until it has had its effect.
        self.server.kill()
        assert self.after <= len(self.answers) < len(calls), "the crash came in the middle"
        return self.answers

    def _call(self, call):
        if not hasattr(self._clients, "client"):
            self._clients.client = self.client_type.of(self.server)
        try:
            answer = call(self._clients.client)
        except SdkException:
            assert self._crashed.is_set(), "a request failed while the server ran"
            return
        with self._lock:
            self.answers.append(answer)
            if len(self.answers) == self.after:
                # From here, so that few other threads come before it.
                self._crashed.set()
                self.server.process.kill()

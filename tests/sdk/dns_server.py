"""A DNS server on the loopback address, for whoever verifies domain names."""

import pathlib
import socketserver
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class DnsServer:
    """Answers with the records of a file, a line each: NAME KIND VALUE. Every other name does not exist. It remembers
    nothing: what is written there counts from the next question on."""

    def __init__(self, file):
        self.file = pathlib.Path(file)
        self.file.touch()
        answer = self._answer

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                question, connection = self.request
                connection.sendto(answer(question), self.client_address)

        self.server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:{1}".format(*self.server.server_address)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def add(self, name, kind, value):
        """Adds a record, such as add("a.example.com", "A", "127.0.0.1")."""
        with self.file.open("a") as records:
            records.write(f"{name} {kind} {value}\n")

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _answer(self, content):
        question = dns.message.from_wire(content)
        (asked,) = question.question
        name = asked.name.to_text(omit_final_dot=True).lower()
        kind = asked.rdtype.name
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA | dns.flags.RA
        records = [line.split(maxsplit=2) for line in self.file.read_text().splitlines()]
        if values := [value for *record, value in records if record == [name, kind]]:
            answer.answer.append(dns.rrset.from_text(asked.name, 0, "IN", kind, *values))
        elif all(name != known for known, *_ in records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()

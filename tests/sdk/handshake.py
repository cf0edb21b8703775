"""A TLS connection between a server with some certificate and a client that checks it, within this process."""

import ssl


def handshake(chain, private_key, root, host_name, folder):
    """Has a client that trusts `root` connect to `host_name`, where a server shows `chain`; all are PEM. Gives the
    names that the client read in the certificate; ssl.SSLCertVerificationError where it does not accept it."""
    (folder / "shown.pem").write_text(chain)
    (folder / "shown.key").write_text(private_key)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(folder / "shown.pem", folder / "shown.key")
    # It checks the chain and the host name unless told otherwise.
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    client_context.load_verify_locations(cadata=root)

    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host_name)
    waiting = [client, server]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
    return [name for _, name in client.getpeercert()["subjectAltName"]]

"""Java's opinion: by keytool, and by the path validation of its library (which takes a JDK: the program is source)."""

import pathlib
import subprocess


def run(*arguments):
    command = list(map(str, arguments))
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, f"{' '.join(command)}: {result.stdout}{result.stderr}"
    return result.stdout


def list_keystore(path, password):
    """What a keystore of either format holds, opened with its password."""
    return run("keytool", "-J-Duser.language=en", "-list", "-v", "-keystore", path, "-storepass", password)


def copy_keystore(path, password, to_path):
    """Copies a keystore into a new PKCS#12 one, which takes opening its private key too."""
    run(
        "keytool", "-importkeystore", "-srckeystore", path, "-srcstorepass", password,
        "-destkeystore", to_path, "-deststoretype", "PKCS12", "-deststorepass", password,
    )  # fmt: skip
    return to_path


def validate(*folders):
    """Validates leaf.pem by chain.pem under the chain's root, in each folder."""
    run("java", pathlib.Path(__file__).with_name("ValidatePath.java"), *folders)


def validate_revocation(way, *folders):
    """Validates leaf.pem by chain.pem in each folder, asking whether any of it is revoked: by "ocsp", by "crl" from
    where the certificates say, or by the lists in lists.pem ("store"). Gives a verdict each: "good", "revoked INDEX
    REASON" (0 is the leaf), or what else is wrong."""
    download = ["-Dcom.sun.security.enableCRLDP=true"] if way == "crl" else []
    program = pathlib.Path(__file__).with_name("ValidateRevocation.java")
    return run("java", *download, program, way, *folders).splitlines()

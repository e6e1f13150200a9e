# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docker_certs for 50 registries in one task against the same folders and files by loops over file and copy.

Both lay down a folder, a CA, a client certificate and its key for each registry, on the same test host over the
same connection. The peer has no checks of what it writes. Two pairs of rows: whole ansible-playbook runs, start of
ansible-playbook included, and the tasks alone, as the difference between that run and one of a playbook without tasks.
"""

from __future__ import annotations

import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from comparison import Row, row
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "hosts"))

import hosts  # noqa: E402  found through the path set above

HOST = "dockyard-bench-certs"
REGISTRIES = 50
FASTER = 10

OURS = [
    {
        "name": "Trust all registries",
        "dockyard.ops.docker_certs": {"directory": "/root/bench/ours", "registries": "{{ registries }}"},
        "no_log": True,
    }
]
THEIRS = [
    {
        "name": "Make the folders",
        "ansible.builtin.file": {
            "path": "/root/bench/theirs/{{ item.registry }}",
            "state": "directory",
            "mode": "0755",
        },
        "loop": "{{ registries }}",
        "no_log": True,
    },
    *(
        {
            "name": f"Write {name}",
            "ansible.builtin.copy": {
                "content": f"{{{{ {content} }}}}",
                "dest": f"/root/bench/theirs/{{{{ item.registry }}}}/{name}",
                "mode": mode,
            },
            "loop": "{{ registries }}",
            "no_log": True,
        }
        for name, content, mode in (
            ("ca.crt", "item.ca_content", "0644"),
            ("client.cert", "item.client_certs[0].certificate_content", "0644"),
            ("client.key", "item.client_certs[0].private_key_content", "0600"),
        )
    ),
]


def certificate(name: str, issuer: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey) -> str:
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def registry(number: int) -> dict[str, object]:
    """Return a registry with a CA and a client of its own."""
    ca, client = (ec.generate_private_key(ec.SECP256R1()) for _each in range(2))
    pem = client.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "registry": f"registry{number:02}.bench.test:5000",
        "ca_content": certificate(f"CA {number}", f"CA {number}", ca, ca),
        "client_certs": [
            {
                "name": "client",
                "certificate_content": certificate("client", f"CA {number}", client, ca),
                "private_key_content": pem.decode(),
            }
        ],
    }


def play(folder: pathlib.Path, tasks: list[dict[str, object]], changed: bool) -> float:
    """Return the seconds of one run of ansible-playbook. End the measurement if it did not do what it should."""
    playbook = folder / "play.yml"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    command = ["ansible-playbook", "-i", f"{hosts.container(HOST)},", "-c", "community.docker.docker"]
    command += ["-e", f"@{folder / 'variables.json'}", str(playbook)]
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    seconds = time.monotonic() - begin
    print(f"  {len(tasks)} tasks: {seconds:.1f} s", file=sys.stderr, flush=True)
    recap = re.search(rf"^{hosts.container(HOST)} +: ok=\d+ +changed=(\d+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or (recap is not None and (recap.group(1) != "0") != changed) or (tasks and recap is None):
        sys.exit(f"The measured run did not do its work:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds


def same(folder: str, other: str) -> bool:
    command = ["docker", "exec", hosts.container(HOST), "diff", "-r", folder, other]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0


def compared(what: str, ours: float, peer: str, theirs: float) -> Row:
    return row(
        f"docker_certs, {REGISTRIES} registries, {what}", ours, peer, theirs, f"{FASTER} times faster", faster=FASTER
    )


def measure(folder: pathlib.Path) -> list[Row]:
    variables = {
        "ansible_python_interpreter": "/usr/bin/python3",
        "registries": [registry(number) for number in range(REGISTRIES)],
    }
    (folder / "variables.json").write_text(json.dumps(variables))
    peer = f"{REGISTRIES} items each of one file and three copy tasks"
    rows = []
    for what, changed in (("first run", True), ("unchanged run", False)):
        # What ansible-playbook takes to start: one that does nothing on the host.
        start = min(play(folder, [], False) for _try in range(2))
        ours = play(folder, OURS, changed)
        theirs = play(folder, THEIRS, changed)
        rows.append(compared(what, ours, peer, theirs))
        rows.append(compared(f"{what}, the tasks alone", ours - start, peer, theirs - start))
    if not same("/root/bench/ours", "/root/bench/theirs"):
        sys.exit("The two did not write the same files.")
    return rows


def rows() -> list[Row]:
    hosts.up(HOST, "trixie", "engine", None, [])
    try:
        with tempfile.TemporaryDirectory() as name:
            return measure(pathlib.Path(name))
    finally:
        hosts.down([HOST])


if __name__ == "__main__":
    for each in rows():
        print(json.dumps(each))

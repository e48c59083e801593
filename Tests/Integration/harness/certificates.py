"""Certificates for one test run, made by the openssl command in a temporary folder."""

import functools
import os
import subprocess
import tempfile


class Certificates:
    def __init__(self, folder):
        self.folder = folder
        self.authority = self._authority("ca")
        self.client_authority = self._authority("client-ca")
        self.server = self.issue("server", ["preview.localhost", "*.preview.localhost", "*.second.localhost", "app.example.test"])
        self.other = self.issue("other", ["other.example.test"])
        self.client = self.issue("client", ["client"], authority=self.client_authority)

    def _openssl(self, *arguments):
        result = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr

    def _authority(self, name):
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                      "-subj", f"/CN=Porthole tests {name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
        return self.paths(name)

    def paths(self, name):
        return os.path.join(self.folder, f"{name}.pem"), os.path.join(self.folder, f"{name}.key")

    def issue(self, name, hosts, authority=None):
        """A certificate for `hosts`; its paths as (certificate, key)."""
        ca, ca_key = authority or self.authority
        extensions = os.path.join(self.folder, f"{name}.ext")
        with open(extensions, "w") as file:
            file.write("subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts) + "\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={hosts[0]}",
                      "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "10",
                      "-extfile", extensions, "-out", f"{name}.pem")
        return self.paths(name)


@functools.cache
def _folder():
    return tempfile.TemporaryDirectory(prefix="porthole-certs-")


@functools.cache
def certificates():
    """Made once per run."""
    return Certificates(_folder().name)

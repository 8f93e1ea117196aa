"""Failures of a download that no small server can bring about: disks, proxies, certificates, networks."""

import errno
import socket
import ssl

import pytest
from huggingface_hub.errors import OfflineModeIsEnabled

import export.hub
from export.hub import fetch
from ngrt.errors import CheckpointError

REPOSITORY = "someone/policy"


class ProxyError(Exception):
    """Of the hub's HTTP client, by its name."""


class ReadTimeout(Exception):  # noqa: N818
    """Of the hub's HTTP client, by its name."""


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "the disk is full .*free 2 GB there, or name another folder",
        ),
        (PermissionError(errno.EACCES, "Permission denied"), "cannot be written: permission denied .*HF_HUB_CACHE"),
        (OSError(errno.EROFS, "Read-only file system"), "can only be read"),
        (OSError(errno.EFBIG, "File too large"), "takes no file of 2 GB"),
        (ssl.SSLCertVerificationError("CERTIFICATE_VERIFY_FAILED"), "certificate is not trusted .*SSL_CERT_FILE"),
        (ProxyError("503 Service Unavailable"), "the proxy does not let it through .*check HTTPS_PROXY"),
        (socket.gaierror(-2, "Name or service not known"), "its name is not known"),
        (ReadTimeout("timed out"), "does not answer in time"),
        (OfflineModeIsEnabled("offline"), "HF_HUB_OFFLINE forbids to fetch it; unset HF_HUB_OFFLINE"),
        (ValueError("\x1b[31m\nodd"), r"broke off \(ValueError\); check the network"),
    ],
)
def test_every_other_failure_is_called_by_its_name(
    failure: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> str:
        try:
            raise failure
        except Exception as error:
            raise type(error)(*error.args) from error

    monkeypatch.setattr(export.hub, "hf_hub_download", fail)
    with pytest.raises(CheckpointError, match=said) as caught:
        fetch(REPOSITORY)
    assert str(caught.value).isprintable()

"""What the integration tests drive the release binary with.

`Porthole` starts the real binary on free ports with a generated configuration, `Origin` is an upstream that records
every byte and answers as told, `RawClient` is a TLS (or plain) socket that sends exactly the bytes given.
Nothing here sleeps to wait: it polls with a deadline (`wait_until`) or blocks on a socket with one.
"""

from .certificates import Certificates, certificates
from .client import Ended, RawClient
from .messages import Head, Message, MessageError, Reader, head_of
from .origin import Origin, OriginConnection, closed_port
from .porthole import Crashed, Porthole
from .waiting import DEADLINE, wait_until

__all__ = [
    "Certificates", "Crashed", "DEADLINE", "Ended", "Head", "Message", "MessageError", "Origin", "OriginConnection",
    "Porthole", "RawClient", "Reader", "certificates", "closed_port", "head_of", "wait_until",
]

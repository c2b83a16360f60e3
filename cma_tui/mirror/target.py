"""Where the rows go: the key, the project, the addresses, and the span of another program to hang below.

Owns the reading of the variables that Braintrust documents, and the check of addresses. Invariants: the key
goes to https, or to this machine, and nowhere else; nothing is looked for in files; the name of a
destination holds no secret.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from cma_tui.settings import Secret
from cma_tui.text import printable

APP_URL: Final = "https://www.braintrust.dev"
PROJECT: Final = "cma-top"
"""The project that is used, and made where there is none, when nothing names one."""
VARIABLES: Final = (
    "BRAINTRUST_API_KEY",
    "BRAINTRUST_PROJECT",
    "BRAINTRUST_PROJECT_ID",
    "BRAINTRUST_ORG_NAME",
    "BRAINTRUST_API_URL",
    "BRAINTRUST_APP_URL",
    "BRAINTRUST_PARENT",
)
_PREFIXES = {"project_name": "project", "project_id": "project_id", "experiment_id": "experiment_id"}


class TargetError(Exception):
    """An address or a parent that cannot be used. Its message is one line and repeats no secret."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A destination, as the user named it."""

    api_key: Secret
    project: str | None = None
    project_id: str | None = None
    experiment_id: str | None = None
    org: str | None = None
    api_url: str | None = None
    app_url: str = APP_URL
    parent: str | None = None
    """The exported span of another program that sessions hang below."""

    @property
    def name(self) -> str:
        """What tells the destination from others; the key is not in it, keys change."""
        parts = (
            self.app_url,
            self.api_url,
            self.org,
            self.project,
            self.project_id,
            self.experiment_id,
            self.parent,
        )
        return blake2b("\x1f".join(part or "" for part in parts).encode(), digest_size=8).hexdigest()

    @property
    def words(self) -> str:
        """Where it is, for people."""
        if self.experiment_id is not None:
            return f"experiment {self.experiment_id}"
        return f"project {self.project or self.project_id or PROJECT}"


class Place(msgspec.Struct, frozen=True):
    """A destination, as the server knows it. It is kept in the outbox, so that links need no network."""

    org: str
    org_id: str
    kind: str
    """project_logs or experiment."""
    object_id: str
    app_url: str
    parent_span: str | None = None
    parent_trace: str | None = None

    @property
    def path(self) -> str:
        """Where rows are posted."""
        return f"/v1/{self.kind}/{quote(self.object_id, safe='')}/insert"

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return f"{self.org_id} {self.kind} {self.object_id}"

    def link(self, row: str) -> str:
        """The address of a row in the web app; good once the row has arrived."""
        return (
            f"{self.app_url}/app/{quote(self.org, safe='')}/object?object_type={self.kind}"
            f"&object_id={quote(self.object_id, safe='')}&id={quote(row, safe='')}"
        )


def target_from(
    env: Mapping[str, str], api_key: Secret | None = None, *, parent: str | None = None
) -> Target | None:
    """The destination that the environment names; None without a key.

    Args:
        env: the environment.
        api_key: the key, where the settings have found one.
        parent: `project_name:…`, `project_id:…`, `experiment_id:…` or an exported span; without it
            BRAINTRUST_PARENT counts.

    Raises:
        TargetError: a value cannot be used.
    """

    def value(name: str) -> str | None:
        return env.get(f"BRAINTRUST_{name}", "").strip() or None

    given = value("API_KEY")
    key = api_key or (Secret(given) if given is not None else None)
    if key is None:
        return None
    fields = {
        "project": value("PROJECT"),
        "project_id": value("PROJECT_ID"),
        "experiment_id": None,
        "parent": None,
    }
    parent = parent or value("PARENT")
    if parent is not None:
        prefix, colon, rest = parent.partition(":")
        if colon and prefix in _PREFIXES and rest:
            fields |= {"project": None, "project_id": None, _PREFIXES[prefix]: rest}
        elif colon:
            raise TargetError(
                "the trace's parent must be project_name:…, project_id:…, experiment_id:… or an exported span"
            )
        else:
            fields["parent"] = parent
    api_url = value("API_URL")
    return Target(
        api_key=key,
        org=value("ORG_NAME"),
        api_url=None if api_url is None else checked_url(api_url, "BRAINTRUST_API_URL"),
        app_url=checked_url(value("APP_URL") or APP_URL, "BRAINTRUST_APP_URL"),
        **fields,
    )


def checked_url(url: str, origin: str) -> str:
    """An address that the key may be sent to.

    Raises:
        TargetError: it may not.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or not url.isascii() or not url.isprintable() or set("@?#\\ ") & set(url):
        raise TargetError(f"{origin} is no plain address: {_shown(url.rpartition('@')[2])}")
    if parts.scheme == "https" or (parts.scheme == "http" and _loopback(host)):
        return url.rstrip("/")
    raise TargetError(f"{origin} must be https, or http on this machine: {_shown(url)}")


def _shown(url: str) -> str:
    return repr(printable(url, strict=True, cap=200))


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Where the rows go: the key, the project, the addresses, and the span of another program to hang below.

Owns what the settings mean for it, and the check of the address that the server gives. Invariants: the key
goes to https, or to this machine, and nowhere else; nothing is looked for in files; the name of a
destination holds no secret.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final
from urllib.parse import quote

import msgspec

from cma_tui.checks import Secret, UnfitError, url
from cma_tui.settings import DEFAULT_APP_URL, Settings
from cma_tui.text import printable

PROJECT: Final = "cma-top"
"""The project that is used, and made where there is none, when nothing names one."""
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
    app_url: str = DEFAULT_APP_URL
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


def target_from(settings: Settings) -> Target | None:
    """The destination that the settings name; None without a key.

    Raises:
        TargetError: a value cannot be used.
    """
    if settings.braintrust_api_key is None:
        return None
    fields = {
        "project": settings.braintrust_project,
        "project_id": settings.braintrust_project_id,
        "experiment_id": None,
        "parent": None,
    }
    parent = settings.trace_parent
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
    return Target(
        api_key=settings.braintrust_api_key,
        org=settings.braintrust_org_name,
        api_url=settings.braintrust_api_url,
        app_url=settings.braintrust_app_url,
        **fields,
    )


def checked_url(address: str, origin: str) -> str:
    """An address that somebody else gave, if the key may be sent to it.

    Raises:
        TargetError: it may not.
    """
    try:
        return url(address)
    except UnfitError as error:
        raise TargetError(f"{origin} {printable(str(error), strict=True, cap=300)}") from None

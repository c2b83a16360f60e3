"""Owns the JSON shapes of the resources: agents, environments, sessions, threads and files.

Invariant: a shape is made from state when it is asked for; nothing here keeps any.
"""

from __future__ import annotations

from typing import Any

from cma_tui.simulator import host, meter
from cma_tui.simulator.clock import stamp
from cma_tui.simulator.store import Event, Session, Thread

MODEL = "claude-opus-5"
_ALLOW = {"enabled": True, "permission_policy": {"type": "always_allow"}}
_SNAPSHOT_KEYS = (
    "id",
    "type",
    "name",
    "version",
    "description",
    "system",
    "model",
    "tools",
    "mcp_servers",
    "skills",
    "multiagent",
    "execution_identity",
)

DEMO_AGENT: dict[str, Any] = {
    "name": "incident-responder",
    "model": {"id": MODEL, "speed": "standard"},
    "description": "Finds out why a service is slow, and repairs it with your approval.",
    "system": "You answer incidents on the orders service. Ask before you change production.",
    "tools": [
        {"type": "agent_toolset_20260401", "configs": [], "default_config": _ALLOW},
        {"type": "mcp_toolset", "mcp_server_name": "runbooks", "configs": [], "default_config": _ALLOW},
        *(
            {
                "type": "custom",
                "name": name,
                "description": description,
                "input_schema": {"type": "object", "properties": {}},
            }
            for name, description in host.CUSTOM_TOOLS.items()
        ),
    ],
    "mcp_servers": [{"type": "url", "name": "runbooks", "url": "https://runbooks.example/mcp"}],
}


def agent(agent_id: str, at: int, body: dict[str, Any]) -> Event:
    """An agent, new."""
    model = body["model"]
    return {
        "id": agent_id,
        "type": "agent",
        "name": body["name"],
        "model": {"id": model, "speed": "standard"} if isinstance(model, str) else model,
        "description": body.get("description"),
        "system": body.get("system"),
        "tools": body.get("tools") or [],
        "mcp_servers": body.get("mcp_servers") or [],
        "skills": body.get("skills") or [],
        "multiagent": body.get("multiagent"),
        "metadata": body.get("metadata") or {},
        "execution_identity": {"type": "service_account"},
        "version": 1,
        "created_at": stamp(at),
        "updated_at": stamp(at),
        "archived_at": None,
    }


def agent_snapshot(whole: Event, overrides: dict[str, Any]) -> Event:
    """What a session keeps of its agent."""
    return {key: overrides.get(key, whole[key]) for key in _SNAPSHOT_KEYS}


def environment(environment_id: str, at: int, body: dict[str, Any]) -> Event:
    """An environment, new."""
    config = body.get("config") or {"type": "cloud", "networking": {"type": "unrestricted"}, "packages": {}}
    return {
        "id": environment_id,
        "type": "environment",
        "name": body["name"],
        "description": body.get("description"),
        "config": config,
        "metadata": body.get("metadata") or {},
        "scope": "organization",
        "created_at": stamp(at),
        "updated_at": stamp(at),
        "archived_at": None,
    }


def session(of: Session) -> Event:
    """A session as it stands."""
    until = of.archived_at or of.clock.now()
    usage = meter.snapshot(of.usage, of.active_seconds)
    if not of.primary.ran:
        usage["cache_creation"] = None
    return {
        "id": of.id,
        "type": "session",
        "status": of.status,
        "title": of.title,
        "agent": of.agent,
        "environment_id": of.environment["id"],
        "metadata": of.metadata,
        "vault_ids": of.vault_ids,
        "resources": of.resources,
        "budget": of.budget,
        "outcome_evaluations": of.outcomes,
        "stats": {
            "active_seconds": round(of.active_seconds, 3),
            "duration_seconds": (until - of.created_at) / 1e6,
        },
        "usage": usage,
        "created_at": stamp(of.created_at),
        "updated_at": stamp(of.updated_at),
        "archived_at": None if of.archived_at is None else stamp(of.archived_at),
    }


def thread(of: Thread, session_id: str) -> Event:
    """A thread as it stands; its usage is unknown until it first rests."""
    return {
        "id": of.id,
        "type": "session_thread",
        "session_id": session_id,
        "parent_thread_id": of.parent_id,
        "workflow_run_id": of.workflow_run_id,
        "status": of.status,
        "agent": of.agent,
        "usage": meter.snapshot(of.usage, 0.0) if of.ran else None,
        "stats": None,
        "created_at": stamp(of.created_at),
        "updated_at": stamp(of.updated_at or of.created_at),
        "archived_at": None if of.archived_at is None else stamp(of.archived_at),
    }


def file(file_id: str, session_id: str | None, name: str, content: bytes, at: int) -> Event:
    """A file that an agent wrote, or one that was uploaded."""
    return {
        "id": file_id,
        "type": "file",
        "filename": name,
        "mime_type": "text/markdown" if name.endswith(".md") else "text/plain",
        "size_bytes": len(content),
        "created_at": stamp(at),
        "downloadable": session_id is not None,
        "scope": None if session_id is None else {"type": "session", "id": session_id},
    }

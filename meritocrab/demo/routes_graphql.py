"""The one question that is asked in GraphQL: who wrote and who last edited these comments."""

from __future__ import annotations

import re
from typing import Any

from meritocrab.demo.messages import JSON, HttpError, Reply
from meritocrab.demo.rights import readable
from meritocrab.demo.routing import Call, Routes

routes = Routes()


@routes.on("POST", "/graphql")
def graphql(call: Call) -> Reply:
    """Comments by node id, with their last editor; nothing else is understood."""
    if call.principal.anonymous:
        raise HttpError(401, "Requires authentication")
    data = call.request.json()
    query, variables = str(data.get("query", "")), data.get("variables") or {}
    ids = re.findall(r'"([A-Za-z]+[_A-Za-z0-9=-]{6,})"', query) + _strings(variables)
    errors: list[JSON] = []
    nodes = [_node(call, id_, errors) for id_ in ids]
    if re.search(r"\bnodes\s*\(", query):
        payload: JSON = {"data": {"nodes": nodes}}
    else:
        payload = {"data": {"node": nodes[0] if nodes else None}}
    return Reply(payload | ({"errors": errors} if errors else {}))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in inner for text in _strings(part)]


def _node(call: Call, id_: str, errors: list[JSON]) -> JSON | None:
    found = call.world.find_node(id_)
    if found is not None and readable(call.world, call.principal, found[0]):
        return call.render.node_comment(*found)
    message = f"Could not resolve to a node with the global id of '{id_}'"
    errors.append({"type": "NOT_FOUND", "path": ["node"], "message": message})
    return None

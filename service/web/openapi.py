"""The published API description: Litestar's document with Pydantic's own schemas in it.

Litestar's schemas of Pydantic models lose patterns and examples; `Document.to_schema` puts
Pydantic's JSON schemas of the same models in their place.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any

from litestar import Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OAuthFlow,
    OAuthFlows,
    OpenAPI,
    SecurityScheme,
)
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ledger.refusals import all_refusals
from service.identity.callers import Duty
from service.web.policy import public
from service.web.wire import WireIn, WireOut

SUMMARY = """Custody of prepaid tuition (校外培训预收费资金监管): every prepaid yuan stands in
a custody account and is released lesson by lesson. Money is a string of yuan with two places;
every command takes an `Idempotency-Key`; every refusal is an RFC 9457 problem with a stable `code`
(catalogue: `GET /v1/problems`)."""


WITHOUT_TOKEN = (
    "/health",
    "/v1/problems",
    "/oauth",
    "/v1/login",
    "/v1/keys",
    "/v1/parents/codes",
    "/v1/parents/login",
    "/v1/parents/renew",
)
"""Paths of routes that anyone may call."""
_COMPONENTS = "#/components/schemas/"
_KEY = {"type": "string", "pattern": "^[!-~]{1,128}$"}


class Document(OpenAPI):
    """An OpenAPI document whose models are described by Pydantic."""

    def to_schema(self) -> dict[str, Any]:
        """Render the document."""
        document = super().to_schema()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(_definitions(schemas))
        _show_batches(schemas)
        if "Problem" in schemas:
            codes = [refusal.code for refusal in all_refusals()]
            schemas["Problem"]["properties"]["code"]["enum"] = codes
        for path, operations in document.get("paths", {}).items():
            for operation in operations.values():
                _describe(path, operation)
        document["components"]["schemas"] = dict(sorted(schemas.items()))
        return document


@dataclasses.dataclass
class Config(OpenAPIConfig):
    """Litestar's configuration that makes a `Document`."""

    def to_openapi_schema(self) -> OpenAPI:
        """Make the document's frame."""
        base = super().to_openapi_schema()
        return Document(**{f.name: getattr(base, f.name) for f in dataclasses.fields(base)})


def config(version: str) -> Config:
    """Describe this service."""
    return Config(
        title="Tuition Escrow",
        version=version,
        description=SUMMARY,
        openapi_router=Router("/openapi", route_handlers=[], opt=public(), include_in_schema=False),
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer"),
                "bank_signature": SecurityScheme(
                    type="apiKey",
                    name="Signature",
                    security_scheme_in="header",
                    description="How a bank proves each request: an HTTP message signature"
                    " (RFC 9421) with the tag escrow-bank-v1, described in docs/bank-signing.md;"
                    " what is wrong with one is 401 with its own code",
                ),
                "clients": SecurityScheme(
                    type="oauth2",
                    description="How a system gets its bearer token",
                    flows=OAuthFlows(
                        client_credentials=OAuthFlow(
                            token_url="/oauth/token",  # noqa: S106 - an address
                            scopes={duty.value: "A duty of the client" for duty in Duty},
                        )
                    ),
                ),
            }
        ),
        security=[{"bearer": []}, {"bank_signature": []}],
    )


def _definitions(names: Iterable[str]) -> dict[str, Any]:
    """Describe the models of these names, and what they stand on, under the very names."""
    known = _named(names)
    wanted = {name: (model, _mode(model)) for name, model in known.items()}
    referred, definitions = models_json_schema(
        list(wanted.values()),  # type: ignore[arg-type]
        ref_template=f"{_COMPONENTS}{{model}}",
    )
    made = definitions.get("$defs", {})
    for name, model in wanted.items():
        ref = referred[model]["$ref"]  # type: ignore[index]
        if ref != _COMPONENTS + name:
            made[name] = made.pop(ref.removeprefix(_COMPONENTS))
            text = json.dumps(made, ensure_ascii=False)
            made = json.loads(text.replace(json.dumps(ref), json.dumps(_COMPONENTS + name)))
    return dict(made)


def _named(names: Iterable[str]) -> dict[str, type[BaseModel]]:
    """Find the models of names; two of one name have some of their modules' before it."""
    every = list(models())
    known = {model.__name__: model for model in every}
    for name in names:
        for model in every:
            if f"_{model.__module__}.{model.__name__}".replace(".", "_").endswith(f"_{name}"):
                known[name] = model
    return {name: known[name] for name in names if name in known}


def _show_batches(schemas: dict[str, Any]) -> None:
    """Give a batch, list or page without examples the first example of its items."""
    for schema in schemas.values():
        properties = schema.get("properties", {})
        items = properties.get("items", {}).get("items", {})
        single = schemas.get(items.get("$ref", "").rpartition("/")[2], {})
        if "examples" not in schema and single.get("examples"):
            said = {"mode": "independent", "next_cursor": None}
            beside = {name: value for name, value in said.items() if name in properties}
            schema["examples"] = [{"items": single["examples"][:1], **beside}]


def _describe(path: str, operation: dict[str, Any]) -> None:
    """Say what the routes cannot: the key is required, and what needs no token."""
    for parameter in operation.get("parameters", []):
        _describe_key(parameter)
    if path.startswith(WITHOUT_TOKEN):
        operation["security"] = []
    for status, response in operation.get("responses", {}).items():
        if status in {"429", "503"}:
            response.setdefault("headers", {})["Retry-After"] = {
                "schema": {"type": "integer", "minimum": 1},
                "description": "Seconds to wait before asking again.",
            }
        if response.get("description") == "Document created, URL follows":
            response["description"] = "Done"
        elif response.get("description") == "Request fulfilled, document follows":
            response["description"] = "The answer"
        if "text/html" in response.get("content", {}) and "format" in _parameters(operation):
            response["content"]["application/pdf"] = {"schema": {"type": "string"}}
    if "dry_run" in _parameters(operation):
        _show_dry_run(operation["responses"])
        operation["responses"] = dict(sorted(operation["responses"].items()))


def _describe_key(parameter: dict[str, Any]) -> None:
    """Say what a key looks like, and that a command has one."""
    if parameter["name"] == "Idempotency-Key":
        parameter["required"] = True
        parameter["schema"] = _KEY
    elif (parameter["name"], parameter["in"]) == ("key", "path"):
        parameter["schema"] = _KEY


def _show_dry_run(responses: dict[str, Any]) -> None:
    """Say that a dry run is 200 with the command's own answer, as is what was done before."""
    done = [responses[status] for status in ("200", "201", "202") if status in responses]
    schemas = [answer["content"]["application/json"]["schema"] for answer in done]
    if len(done) == 1 and "200" in responses:
        return
    shown = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    description = "Done before, or what a dry run would have answered"
    if "200" in responses:
        description = f"{responses['200']['description']}, or what a dry run would have answered"
    content = {"application/json": {"schema": shown}}
    responses["200"] = {"description": description, "headers": {}, "content": content}


def _parameters(operation: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", [])}


def _mode(model: type[BaseModel]) -> str:
    return "validation" if issubclass(model, WireIn) else "serialization"


def models() -> Iterator[type[BaseModel]]:
    """Yield every model that a body is made of."""
    todo: list[type[BaseModel]] = [WireIn, WireOut]
    while todo:
        for model in todo.pop().__subclasses__():
            todo.append(model)
            yield model

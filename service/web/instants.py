"""Instants in a query: read by the same rule as a body's; a number is none."""

from datetime import datetime
from typing import Final

from litestar.openapi.spec import OpenAPIFormat, OpenAPIType, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition
from pydantic import TypeAdapter, ValidationError

from service.web.wire import InstantIn

_INSTANT: Final[TypeAdapter[datetime]] = TypeAdapter(InstantIn)


class QueryInstant(datetime):
    """An instant of a query parameter: RFC 3339 with its offset.

    A type of its own because the framework reads a plain `datetime` as seconds of 1970 as well.
    """


def is_query_instant(annotation: object) -> bool:
    """Whether a parameter of this type is read by `read_query_instant`."""
    return annotation is QueryInstant


def read_query_instant(_type: type[QueryInstant], text: object) -> QueryInstant:
    """Read an instant as a body's is read; `ValueError` with the rule it breaks."""
    try:
        read = _INSTANT.validate_python(text)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from error
    return QueryInstant.combine(read.date(), read.timetz())


class QueryInstants(OpenAPISchemaPlugin):
    """Describe a `QueryInstant` as what it is on the wire."""

    @staticmethod
    def is_plugin_supported_type(value: object) -> bool:
        """Whether a type is described here."""
        return is_query_instant(value)

    def to_openapi_schema(
        self,
        field_definition: FieldDefinition,  # noqa: ARG002 - the framework passes it by name
        schema_creator: object,  # noqa: ARG002 - the framework passes it by name
    ) -> Schema:
        """Return the schema of one instant."""
        return Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME)

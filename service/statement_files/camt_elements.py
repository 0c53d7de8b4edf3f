"""The elements of an XML file one after the other, with their paths, texts and lines."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from service.statement_files.refused import Reason, StatementFileInvalid

DEPTH_MAX: Final = 40
TEXT_MAX_CHARACTERS: Final = 64 * 1024


@dataclass(slots=True)
class Element:
    """One element while it is open; `path` is made of local names: /Document/BkToCstmrStmt."""

    name: str
    namespace: str
    path: str
    line: int
    attributes: dict[str, str]
    text: str = ""


class ElementReader(Protocol):
    """What hears of elements."""

    def started(self, element: Element) -> None:
        """Hear of a start tag."""

    def ended(self, element: Element) -> None:
        """Hear of an end tag; the element has its text."""


class Listener:
    """What the XML parser reports to; it refuses depths and texts that no statement has."""

    def __init__(self, reader: ElementReader) -> None:
        """Report to this reader; `parser` is expat's, which knows the line."""
        self.parser: Any = None
        self._reader = reader
        self._open: list[Element] = []
        self._texts: list[str] = []
        self._length = 0

    @property
    def line(self) -> int:
        """The line that the parser is at, from 1."""
        return int(self.parser.CurrentLineNumber)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Open an element; one of another namespace than its Document's keeps a strange path."""
        namespace, _, name = tag.rpartition("}")
        namespace = namespace[1:]
        above = self._open[-1] if self._open else None
        strange = above is not None and above.namespace != namespace and name != "Document"
        path = f"{above.path if above else ''}/{'?' if strange else ''}{name}"
        if len(self._open) >= DEPTH_MAX:
            raise StatementFileInvalid(Reason.TOO_LARGE, line=self.line)
        element = Element(name, namespace, path, self.line, attributes)
        self._open.append(element)
        self._forget()
        self._reader.started(element)

    def data(self, text: str) -> None:
        """Gather the text of the innermost element."""
        self._length += len(text)
        if self._length > TEXT_MAX_CHARACTERS:
            raise StatementFileInvalid(Reason.TOO_LARGE, line=self.line)
        self._texts.append(text)

    def end(self, _tag: str) -> None:
        """Close the innermost element; text between its children is not kept."""
        element = self._open.pop()
        element.text = "".join(self._texts)
        self._forget()
        self._reader.ended(element)

    def close(self) -> None:
        """The document has ended."""

    def _forget(self) -> None:
        self._texts.clear()
        self._length = 0

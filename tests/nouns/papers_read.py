"""A page as a browser or screen reader takes it: its tags, its words, and what it would fetch."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "input"}
FETCHING = {"src", "href", "srcset", "action", "data", "poster", "background"}


@dataclass
class Page(HTMLParser):
    """What a page says, without its style, and what is wrong with its shape."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: str = ""
    open: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read as a browser does, with entities resolved."""
        super().__init__(convert_charrefs=True)

    def _began(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def _ended(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def _said(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data + " "

    # The parser's own names for what it meets.
    handle_starttag = _began
    handle_endtag = _ended
    handle_data = _said

    def count(self, tag: str) -> int:
        """Count a tag."""
        return sum(1 for name, _ in self.tags if name == tag)

    @property
    def fetched(self) -> list[str]:
        """Attributes that would make a browser fetch or go somewhere, and scripts."""
        return [
            f"{tag} {name}"
            for tag, attributes in self.tags
            for name in (*attributes, *(["script"] if tag == "script" else []))
            if name in FETCHING or name.startswith("on") or name == "script"
        ]


def read(text: str) -> Page:
    """Read a page to its end."""
    page = Page()
    page.feed(text)
    page.close()
    return page

"""What guards say, word for word, against what the migrations made them say.

A guard that keeps its name may have lost its meaning: a policy with `OR true`, a check that is
`CHECK (true)`, a trigger that fires never, a function with another body. `definitions.json` holds
every definition as a freshly migrated database tells it; a test keeps it fresh. PostgreSQL is asked
with its own catalogue as the only search path, so that every name in an answer is a full one.

Of partitions the parents are in the reference, and each leaf is held against its parent.
"""

import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Final

from service.verify.report import Report
from service.verify.snapshot import Snapshot

FILE: Final = "definitions.json"
SHOWN: Final = 160
"""How much of a definition an example shows, from shortly before where it differs."""

_OF_PARENTS: Final = "space.nspname IN ('escrow', 'pii') AND NOT held.relispartition"

_FUNCTIONS: Final = """
    SELECT space.nspname || '.' || made.proname
             || '(' || pg_get_function_identity_arguments(made.oid) || ')' AS name,
           format('kind %s, returns %s, language %s, volatility %s, parallel %s, strict %s,'
                  ' security definer %s, leakproof %s, owner %s, settings %s, source %s',
                  made.prokind, coalesce(pg_get_function_result(made.oid), ''),
                  spoken.lanname, made.provolatile, made.proparallel, made.proisstrict,
                  made.prosecdef, made.proleakproof, owner.rolname,
                  coalesce(array_to_string(made.proconfig, ', '), '-'),
                  encode(sha256(convert_to(concat_ws(chr(10), made.prosrc, made.probin,
                         pg_get_function_sqlbody(made.oid)), 'UTF8')), 'hex')) AS definition
    FROM pg_proc AS made JOIN pg_namespace AS space ON space.oid = made.pronamespace
    JOIN pg_language AS spoken ON spoken.oid = made.prolang
    JOIN pg_roles AS owner ON owner.oid = made.proowner
    WHERE space.nspname IN ('escrow', 'pii')"""

_CONSTRAINTS: Final = f"""
    SELECT space.nspname || '.' || held.relname || ' ' || bound.conname AS name,
           CASE bound.contype WHEN 'c' THEN 'CHECK ' || pg_get_expr(bound.conbin, bound.conrelid)
                ELSE pg_get_constraintdef(bound.oid) END AS definition
    FROM pg_constraint AS bound JOIN pg_class AS held ON held.oid = bound.conrelid
    JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE {_OF_PARENTS} AND bound.contype IN ('c', 'f', 'x')"""  # noqa: S608

_INDEXES: Final = f"""
    SELECT space.nspname || '.' || named.relname AS name,
           pg_get_indexdef(bound.indexrelid)
             || CASE WHEN bound.indimmediate THEN '' ELSE ' DEFERRABLE' END AS definition
    FROM pg_index AS bound JOIN pg_class AS held ON held.oid = bound.indrelid
    JOIN pg_class AS named ON named.oid = bound.indexrelid
    JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE {_OF_PARENTS} AND bound.indisunique"""  # noqa: S608

_TRIGGERS: Final = f"""
    SELECT space.nspname || '.' || held.relname || ' ' || fired.tgname AS name,
           pg_get_triggerdef(fired.oid) AS definition
    FROM pg_trigger AS fired JOIN pg_class AS held ON held.oid = fired.tgrelid
    JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE {_OF_PARENTS} AND NOT fired.tgisinternal"""  # noqa: S608

_VIEWS: Final = """
    SELECT space.nspname || '.' || held.relname AS name,
           format('kind %s, options %s, %s', held.relkind,
                  coalesce(array_to_string(held.reloptions, ', '), '-'),
                  pg_get_viewdef(held.oid)) AS definition
    FROM pg_class AS held JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE space.nspname IN ('escrow', 'pii') AND held.relkind IN ('v', 'm')"""

_FILLED: Final = f"""
    SELECT space.nspname || '.' || held.relname AS name,
           coalesce(string_agg(part.attname, ', ' ORDER BY part.attname::text COLLATE "C")
                    FILTER (WHERE part.attnotnull), '-') AS definition
    FROM pg_class AS held JOIN pg_namespace AS space ON space.oid = held.relnamespace
    LEFT JOIN pg_attribute AS part
      ON part.attrelid = held.oid AND part.attnum > 0 AND NOT part.attisdropped
    WHERE {_OF_PARENTS} AND held.relkind IN ('r', 'p') GROUP BY 1"""  # noqa: S608

_POLICIES: Final = """
    SELECT space.nspname || '.' || held.relname || ' ' || ruled.polname AS name,
           format('%s %s TO %s',
                  CASE WHEN ruled.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                  ruled.polcmd,
                  (SELECT string_agg(coalesce(role.rolname, 'PUBLIC'), ', ' ORDER BY role.rolname)
                   FROM unnest(ruled.polroles) AS given
                   LEFT JOIN pg_roles AS role ON role.oid = given))
             || CASE WHEN ruled.polqual IS NULL THEN ''
                     ELSE ' USING ' || pg_get_expr(ruled.polqual, ruled.polrelid) END
             || CASE WHEN ruled.polwithcheck IS NULL THEN ''
                     ELSE ' WITH CHECK ' || pg_get_expr(ruled.polwithcheck, ruled.polrelid) END
           AS definition
    FROM pg_policy AS ruled JOIN pg_class AS held ON held.oid = ruled.polrelid
    JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE space.nspname IN ('escrow', 'pii')"""

_SECURED: Final = f"""
    SELECT space.nspname || '.' || held.relname AS name,
           format('enabled %s, forced %s', held.relrowsecurity, held.relforcerowsecurity)
             AS definition
    FROM pg_class AS held JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE {_OF_PARENTS} AND held.relkind IN ('r', 'p')"""  # noqa: S608

KINDS: Final = {
    "function": _FUNCTIONS,
    "constraint": _CONSTRAINTS,
    "unique_index": _INDEXES,
    "trigger": _TRIGGERS,
    "view": _VIEWS,
    "never_empty": _FILLED,
    "policy": _POLICIES,
    "row_security": _SECURED,
}
"""What is compared, by kind: one row each, its name and its definition."""

OF_ROWS: Final = ("policy", "row_security")
"""Kinds that decide who sees and writes which rows; the others are guards for everybody."""

MAY_BE_MORE: Final = frozenset({"constraint", "unique_index", "never_empty", "row_security"})
"""Kinds of which one more than the migrations made only refuses more, or is a table of its own."""

_LEAVES: Final = """
    SELECT space.nspname || '.' || leaf.relname AS leaf, parent.relname AS parent,
           leaf.oid AS leaf_oid, parent.oid AS parent_oid,
           format('%I.%I', space.nspname, leaf.relname) AS leaf_name,
           format('%I.%I', space.nspname, parent.relname) AS parent_name
    FROM pg_inherits AS link JOIN pg_class AS parent ON parent.oid = link.inhparent
    JOIN pg_class AS leaf ON leaf.oid = link.inhrelid
    JOIN pg_namespace AS space ON space.oid = leaf.relnamespace
    WHERE space.nspname IN ('escrow', 'pii') AND parent.relkind = 'p'
      AND leaf.relkind IN ('r', 'p')"""

_LEAF_TRIGGERS: Final = f"""
    WITH grown AS ({_LEAVES})
    SELECT grown.leaf || ' ' || fired.tgname AS trigger, above.definition AS expected,
           replace(pg_get_triggerdef(fired.oid), ' ' || grown.leaf_name || ' ',
                   ' ' || grown.parent_name || ' ') AS found
    FROM grown JOIN pg_trigger AS fired ON fired.tgrelid = grown.leaf_oid
    LEFT JOIN LATERAL (
        SELECT pg_get_triggerdef(model.oid) AS definition FROM pg_trigger AS model
        WHERE model.tgrelid = grown.parent_oid AND model.tgname = fired.tgname
          AND NOT model.tgisinternal) AS above ON true
    WHERE NOT fired.tgisinternal ORDER BY 1"""  # noqa: S608

_LEAF_CONSTRAINTS: Final = f"""
    WITH grown AS ({_LEAVES})
    SELECT grown.leaf || ' ' || above.conname AS constraint,
           pg_get_expr(above.conbin, above.conrelid) AS expected,
           coalesce(pg_get_expr(bound.conbin, bound.conrelid), 'none') AS found
    FROM grown JOIN pg_constraint AS above
      ON above.conrelid = grown.parent_oid AND above.contype = 'c'
    LEFT JOIN pg_constraint AS bound ON bound.conrelid = grown.leaf_oid
     AND bound.contype = 'c' AND bound.conname = above.conname ORDER BY 1"""  # noqa: S608

_REVISION: Final = "SELECT version_num FROM escrow.alembic_version"
_PATH: Final = "SELECT set_config('search_path', $1, true)"


def expected() -> Mapping[str, Any]:
    """Return the reference: the revision it was made at, and definitions by kind and name."""
    text = resources.files("service.verify").joinpath(FILE).read_text(encoding="utf-8")
    told: Mapping[str, Any] = json.loads(text)
    return told


def rendered(told: Mapping[str, Any]) -> str:
    """Write a reference as the package ships it."""
    return json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


async def read(snapshot: Snapshot) -> Mapping[str, Any]:
    """Read every definition of a database, in the reference's form."""
    told: dict[str, Any] = {"revision": await snapshot.value(_REVISION)}
    for kind in KINDS:
        told[kind] = await _definitions(snapshot, kind)
    return told


async def compare(snapshot: Snapshot, report: Report, check: str, kinds: Sequence[str]) -> None:
    """Name every definition of these kinds that is not the reference's, under `check`.

    One that cannot be read, or a database at another migration, leaves the check incomplete.
    """
    reference, revision = expected(), await snapshot.value(_REVISION)
    if revision != reference["revision"]:
        at = f"the database is at migration {revision}, definitions at {reference['revision']}"
        report.not_done([check], at)
        return
    for kind in kinds:
        found = await _definitions(snapshot, kind)
        wanted = reference[kind]
        for name in sorted(wanted.keys() | found.keys()):
            if name not in wanted and kind in MAY_BE_MORE:
                continue
            if name in found and found[name] is None:
                report.not_done([check], f"{kind} {name} cannot be read")
            elif wanted.get(name) != found.get(name):
                shown = differing(wanted.get(name), found.get(name))
                report.broken(check, None, **{kind: name}, **shown)


async def compare_leaves(snapshot: Snapshot, report: Report, check: str) -> None:
    """Name every trigger and check of a partition that is not its parent's, under `check`."""
    for query in (_LEAF_TRIGGERS, _LEAF_CONSTRAINTS):
        for row in await _rows(snapshot, query):
            if row["expected"] != row["found"]:
                (kind, name), *_ = row.items()
                shown = differing(row["expected"], row["found"])
                report.broken(check, None, **{kind: name}, **shown)


def differing(wanted: str | None, found: str | None) -> dict[str, str]:
    """Return both definitions for an example, no more than from where they begin to differ."""
    one, other = wanted or "none", found or "none"
    pairs = zip(one, other, strict=False)
    same = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    start = max(0, same - SHOWN // 4)
    return {"expected": one[start : start + SHOWN], "found": other[start : start + SHOWN]}


async def _definitions(snapshot: Snapshot, kind: str) -> dict[str, str | None]:
    rows = await _rows(snapshot, KINDS[kind])
    plain = {row["name"]: _plain(row["definition"]) for row in rows}
    return {n: d and _unqualified(d) for n, d in plain.items()} if kind == "view" else plain


def _plain(definition: str | None) -> str | None:
    """White space says nothing, and may differ between versions of PostgreSQL."""
    return None if definition is None else " ".join(definition.split())


def _unqualified(view: str) -> str:
    """Name a view's columns alone, as PostgreSQL 16 and later do; 15 puts their table before."""
    source = re.search(r" FROM \w+\.(\w+)", view)
    return view if source is None else re.sub(rf"(?<![.\w]){source[1]}\.", "", view)


async def _rows(snapshot: Snapshot, query: str) -> Sequence[Any]:
    """Ask with full names, and leave the search path as it was."""
    before = await snapshot.value("SELECT current_setting('search_path')")
    await snapshot.value(_PATH, "pg_catalog, pg_temp")
    rows = await snapshot.rows(query)
    await snapshot.value(_PATH, before)
    return rows

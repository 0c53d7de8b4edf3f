"""What PostgreSQL's own catalogue is asked about privileges, guards, policies and partitions."""

from typing import Final

GRANTS: Final = """
    SELECT space.nspname AS schema, held.relname AS "table", held.relispartition AS leaf,
           coalesce(role.rolname, 'PUBLIC') AS grantee, given.privilege_type AS privilege,
           given.is_grantable
    FROM pg_class AS held JOIN pg_namespace AS space ON space.oid = held.relnamespace
    CROSS JOIN LATERAL aclexplode(held.relacl) AS given
    LEFT JOIN pg_roles AS role ON role.oid = given.grantee
    WHERE space.nspname IN ('escrow', 'pii') AND given.grantee <> held.relowner
    UNION ALL
    SELECT space.nspname, held.relname || '.' || part.attname, held.relispartition,
           coalesce(role.rolname, 'PUBLIC'), given.privilege_type, given.is_grantable
    FROM pg_attribute AS part JOIN pg_class AS held ON held.oid = part.attrelid
    JOIN pg_namespace AS space ON space.oid = held.relnamespace
    CROSS JOIN LATERAL aclexplode(part.attacl) AS given
    LEFT JOIN pg_roles AS role ON role.oid = given.grantee
    WHERE space.nspname IN ('escrow', 'pii') AND given.grantee <> held.relowner
    ORDER BY 1, 2, 4, 5"""

POWERS: Final = """
    SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,
           rolname = 'escrow_owner' AND rolcanlogin AS owner_logs_in
    FROM pg_roles WHERE rolname = ANY($1) AND (rolsuper OR rolbypassrls OR rolcreaterole
      OR rolcreatedb OR rolreplication OR (rolname = 'escrow_owner' AND rolcanlogin))
    ORDER BY 1"""

MEMBERS: Final = """
    SELECT member.rolname AS member, role.rolname AS role
    FROM pg_roles AS member CROSS JOIN pg_roles AS role
    WHERE member.rolname IN ('escrow_app', 'escrow_audit', 'escrow_pii')
      AND role.rolname <> member.rolname
      AND pg_has_role(member.oid, role.oid, 'MEMBER')
      AND NOT (member.rolname = 'escrow_app' AND role.rolname = 'escrow_pii') ORDER BY 1, 2"""

OWNERS: Final = """
    SELECT space.nspname AS schema, held.relname AS "table", owner.rolname AS owner
    FROM pg_class AS held JOIN pg_namespace AS space ON space.oid = held.relnamespace
    JOIN pg_roles AS owner ON owner.oid = held.relowner
    WHERE space.nspname IN ('escrow', 'pii') AND held.relkind IN ('r', 'p')
      AND owner.rolname <> 'escrow_owner' ORDER BY 1, 2"""

SCHEMAS: Final = """
    SELECT space.nspname AS schema, owner.rolname AS owner,
           coalesce(role.rolname, 'PUBLIC') AS grantee, given.privilege_type AS privilege
    FROM pg_namespace AS space JOIN pg_roles AS owner ON owner.oid = space.nspowner
    CROSS JOIN LATERAL aclexplode(coalesce(space.nspacl, acldefault('n', space.nspowner))) AS given
    LEFT JOIN pg_roles AS role ON role.oid = given.grantee
    WHERE space.nspname IN ('escrow', 'pii') AND NOT (owner.rolname = 'escrow_owner'
      AND (given.grantee = space.nspowner OR given.privilege_type = 'USAGE'
           AND NOT given.is_grantable
           AND (space.nspname, role.rolname) IN (('escrow', 'escrow_app'),
                ('escrow', 'escrow_audit'), ('pii', 'escrow_pii'))))
    ORDER BY 1, 3, 4"""
"""Who may use a schema, or make anything in it, beyond those who have to."""

DATABASE: Final = """
    SELECT held.datname AS database, coalesce(role.rolname, 'PUBLIC') AS grantee,
           given.privilege_type AS privilege
    FROM pg_database AS held CROSS JOIN LATERAL aclexplode(held.datacl) AS given
    LEFT JOIN pg_roles AS role ON role.oid = given.grantee
    WHERE held.datname = current_database() AND given.privilege_type = 'CREATE'
      AND coalesce(role.rolname, 'PUBLIC')
          IN ('PUBLIC', 'escrow_app', 'escrow_audit', 'escrow_pii') ORDER BY 2"""

OPEN_FUNCTIONS: Final = """
    SELECT made.proname AS function, coalesce(role.rolname, 'PUBLIC') AS grantee
    FROM pg_proc AS made JOIN pg_namespace AS space ON space.oid = made.pronamespace
    CROSS JOIN LATERAL aclexplode(coalesce(made.proacl, acldefault('f', made.proowner))) AS given
    LEFT JOIN pg_roles AS role ON role.oid = given.grantee
    WHERE space.nspname IN ('escrow', 'pii') AND given.grantee <> made.proowner
      AND coalesce(role.rolname, 'PUBLIC') NOT IN ('escrow_app', 'escrow_audit') ORDER BY 1, 2"""

TRIGGERS: Final = """
    SELECT held.relname AS "table", held.relispartition AS leaf, fired.tgname AS name,
           fired.tgenabled::text AS enabled, made.proname AS function,
           fired.tgtype::int AS type
    FROM pg_trigger AS fired JOIN pg_class AS held ON held.oid = fired.tgrelid
    JOIN pg_namespace AS space ON space.oid = held.relnamespace
    JOIN pg_proc AS made ON made.oid = fired.tgfoid
    WHERE space.nspname IN ('escrow', 'pii') AND NOT fired.tgisinternal"""

UNSAFE: Final = """
    SELECT 'function' AS what, made.proname AS name FROM pg_proc AS made
    JOIN pg_namespace AS space ON space.oid = made.pronamespace
    WHERE space.nspname IN ('escrow', 'pii') AND made.prosecdef
      AND NOT coalesce(array_to_string(made.proconfig, ',') LIKE 'search_path=pg_catalog%', false)
    UNION ALL
    SELECT 'guard', 'refuse_change' WHERE NOT EXISTS (
        SELECT 1 FROM pg_proc JOIN pg_namespace AS space ON space.oid = pronamespace
        WHERE space.nspname = 'escrow' AND proname = 'refuse_change'
          AND prosrc LIKE '%RAISE EXCEPTION%restrict_violation%')
    UNION ALL
    SELECT 'relation', held.relname FROM pg_class AS held
    JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE space.nspname IN ('escrow', 'pii') AND held.relkind IN ('v', 'm', 'f')
      AND NOT (held.relname = 'journal_position' AND held.relkind = 'v'
               AND pg_get_viewdef(held.oid) LIKE '%journals()%')
    UNION ALL
    SELECT 'rule', rulename FROM pg_rules WHERE schemaname IN ('escrow', 'pii')
    UNION ALL
    SELECT 'constraint', bound.conname FROM pg_constraint AS bound
    JOIN pg_namespace AS space ON space.oid = bound.connamespace
    WHERE space.nspname IN ('escrow', 'pii') AND NOT bound.convalidated ORDER BY 1, 2"""

UNIQUE: Final = """
    SELECT space.nspname || '.' || held.relname AS "table",
           (SELECT string_agg(part.attname, ',' ORDER BY place.ord)
            FROM unnest(bound.indkey) WITH ORDINALITY AS place(number, ord)
            JOIN pg_attribute AS part ON part.attrelid = held.oid AND part.attnum = place.number
           ) AS columns
    FROM pg_index AS bound JOIN pg_class AS held ON held.oid = bound.indrelid
    JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE space.nspname IN ('escrow', 'pii') AND bound.indisunique AND bound.indisvalid"""

SECURITY: Final = """
    SELECT space.nspname || '.' || held.relname AS "table", held.relrowsecurity AS enabled,
           held.relforcerowsecurity AS forced
    FROM pg_class AS held JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE space.nspname IN ('escrow', 'pii') AND held.relkind IN ('r', 'p')
      AND NOT held.relispartition"""

POLICIES: Final = """
    SELECT schemaname || '.' || tablename AS "table", policyname AS name, cmd, permissive,
           roles::text[] AS roles, coalesce(qual, '') AS qual, coalesce(with_check, '') AS checked
    FROM pg_policies WHERE schemaname IN ('escrow', 'pii') ORDER BY 1, 2"""

OVERRIDDEN: Final = """
    SELECT coalesce(role.rolname, '*') AS role, split_part(told, '=', 1) AS setting,
           substr(told, strpos(told, '=') + 1) AS value
    FROM pg_db_role_setting AS held LEFT JOIN pg_roles AS role ON role.oid = held.setrole
    CROSS JOIN LATERAL unnest(held.setconfig) AS told
    WHERE held.setdatabase IN
      (0, (SELECT oid FROM pg_database WHERE datname = current_database())) ORDER BY 1, 2"""

DAMAGED: Final = """
    SELECT held.relname AS "index", NULL::bigint AS checksum_failures FROM pg_index AS bound
    JOIN pg_class AS held ON held.oid = bound.indexrelid
    JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE space.nspname IN ('escrow', 'pii')
      AND NOT (bound.indisvalid AND bound.indisready AND bound.indislive)
    UNION ALL
    SELECT NULL, checksum_failures FROM pg_stat_database
    WHERE datname = current_database() AND checksum_failures > 0"""

LEAVES: Final = """
    SELECT parent.relname AS parent, leaf.relname AS leaf,
           pg_get_expr(leaf.relpartbound, leaf.oid) AS bound
    FROM pg_inherits AS link JOIN pg_class AS parent ON parent.oid = link.inhparent
    JOIN pg_class AS leaf ON leaf.oid = link.inhrelid
    JOIN pg_namespace AS space ON space.oid = parent.relnamespace
    WHERE space.nspname = 'escrow' AND parent.relkind = 'p' AND leaf.relkind IN ('r', 'p')"""

JOURNALS: Final = """
    SELECT coalesce(head.journal_id, node.journal_id) AS journal_id,
           head.journal_id IS NOT NULL AS has_head
    FROM escrow.journal_head AS head
    FULL JOIN (SELECT journal_id FROM escrow.jurisdiction WHERE journal_id IS NOT NULL) AS node
      ON node.journal_id = head.journal_id"""

CONSTRAINTS: Final = """
    SELECT space.nspname || '.' || held.relname AS "table", bound.conname AS name
    FROM pg_constraint AS bound JOIN pg_class AS held ON held.oid = bound.conrelid
    JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE space.nspname IN ('escrow', 'pii') AND bound.contype = 'c' AND bound.convalidated"""

PARAMETERS: Final = """
    SELECT held.parname AS parameter, coalesce(role.rolname, 'PUBLIC') AS grantee,
           given.privilege_type AS privilege
    FROM pg_parameter_acl AS held CROSS JOIN LATERAL aclexplode(held.paracl) AS given
    LEFT JOIN pg_roles AS role ON role.oid = given.grantee
    WHERE given.grantee = 0 OR role.rolname LIKE 'escrow\\_%' AND NOT role.rolsuper"""

COUNTERS: Final = """
    SELECT 'transaction id' AS counter, age(datfrozenxid)::bigint AS used FROM pg_database
    WHERE datname = current_database() AND age(datfrozenxid) > 500000000
    UNION ALL
    SELECT 'multixact id', mxid_age(datminmxid)::bigint FROM pg_database
    WHERE datname = current_database() AND mxid_age(datminmxid) > 500000000
    UNION ALL
    SELECT schemaname || '.' || sequencename, last_value FROM pg_sequences
    WHERE schemaname IN ('escrow', 'pii') AND coalesce(last_value, max_value) > max_value / 2"""

STANDBY: Final = "SELECT pg_is_in_recovery()"

DEFAULTS: Final = """
    SELECT held.defaclobjtype::text AS kind, coalesce(space.nspname, '*') AS schema,
           coalesce(role.rolname, 'PUBLIC') AS grantee, given.privilege_type AS privilege
    FROM pg_default_acl AS held
    LEFT JOIN pg_namespace AS space ON space.oid = held.defaclnamespace
    CROSS JOIN LATERAL aclexplode(held.defaclacl) AS given
    LEFT JOIN pg_roles AS role ON role.oid = given.grantee
    WHERE (space.nspname IS NULL OR space.nspname IN ('escrow', 'pii'))
      AND given.grantee <> held.defaclrole ORDER BY 1, 2, 3"""
"""What logins would be granted on what is made later."""

"""Refunds and wind-downs: their tables, the columns they need elsewhere, and the guards of both.

Constraints on tables that exist are replaced NOT VALID here, which needs no scan, and validated
with the new indexes in the next migration, outside this one's locks.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
OWN: Final = "(SELECT escrow.own_institution())"
NO_INSTITUTION: Final = f"{OWN} IS NULL"
NO_BANK: Final = "(SELECT escrow.own_bank()) IS NULL"
NO_PARTY: Final = "(SELECT escrow.own_party()) IS NULL"
INSTITUTION: Final = f"({NO_INSTITUTION} OR institution_id = {OWN})"
BANK: Final = f"({NO_BANK} OR bank_code = (SELECT escrow.own_bank()))"
GUARDIAN: Final = f"({NO_PARTY} OR guardian_id = (SELECT escrow.own_party()))"
OWN_CASE: Final = (
    f"({NO_PARTY} OR EXISTS (SELECT 1 FROM escrow.enrolment AS own WHERE"
    " own.journal_id = {table}.journal_id AND own.institution_id = {table}.institution_id))"
)
"""A parent sees the wind-down of an institution that they have, or had, an enrolment with."""

READ_POLICY: Final[dict[str, str]] = {
    "escrow.claim": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}",
    "escrow.claim_evidence": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}",
    "escrow.refund": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}",
    "escrow.interest_credit": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
    "escrow.wind_down": (
        f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {OWN_CASE.format(table='wind_down')}"
    ),
    "escrow.statement_request": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
    "escrow.entitlement": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}",
    "escrow.objection": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}",
    "escrow.asset": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {NO_PARTY}",
    "escrow.distribution_plan": (
        f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND"
        f" {OWN_CASE.format(table='distribution_plan')}"
    ),
    "escrow.plan_share": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}",
    "escrow.placement_offer": (
        f"{JOURNAL} AND {NO_BANK} AND ({NO_INSTITUTION} OR institution_id = {OWN}"
        f" OR receiving_institution_id = {OWN})"
    ),
    "escrow.porting": (
        f"{JOURNAL} AND {NO_BANK} AND {GUARDIAN} AND ({NO_INSTITUTION} OR institution_id = {OWN}"
        f" OR to_institution_id = {OWN})"
    ),
    "escrow.resolution_pack": f"{JOURNAL} AND {NO_INSTITUTION} AND {NO_BANK} AND {NO_PARTY}",
    "pii.claim_note": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}",
}
"""Who reads a row, by table. The application narrows further; this is what holds without it."""

APPEND_ONLY: Final = ("claim_evidence", "plan_share", "resolution_pack")

PAYEES: Final = (
    f"{JOURNAL} AND {INSTITUTION} AND ({NO_PARTY} OR party_id = (SELECT escrow.own_party()))"
    f" AND ({NO_BANK} OR kind IN ('SETTLEMENT', 'PAYER', 'PAYEE', 'NOTARY'))"
)
"""A bank sees those whom it may have to pay."""

ORDER_KINDS: Final = (
    "kind IN ('EARNED', 'SURPLUS', 'DEPOSIT', 'REFUND', 'SUSPENSE_RETURN', 'LODGING',"
    " 'TRANSFER', 'PORTING')"
)
ORDER_PAYEE: Final = (
    "(payee_party_id IS NULL) = (kind IN ('TRANSFER', 'PORTING'))"
    " AND (target_custody_account_id IS NULL) = (kind NOT IN ('TRANSFER', 'PORTING'))"
)
PARTY_KINDS: Final = "kind IN ('GUARDIAN', 'STUDENT', 'PAYER', 'SETTLEMENT', 'PAYEE', 'NOTARY')"


def upgrade() -> None:
    """Make the tables, widen the ones that exist, and guard both."""
    _tables()
    _columns()
    _constraints()
    _guards()


def _columns() -> None:
    """Add columns; a constant default is written to the catalogue, not to the rows."""
    op.add_column(
        "agreement",
        sa.Column("residual_interest", sa.Text(), server_default="TO_STUDENT", nullable=False),
        schema="escrow",
    )
    op.add_column(
        "course", sa.Column("list_lesson_fen", sa.BigInteger(), nullable=True), schema="escrow"
    )
    op.add_column(
        "course",
        sa.Column("materials_fen", sa.BigInteger(), server_default="0", nullable=False),
        schema="escrow",
    )
    op.add_column(
        "course",
        sa.Column("time_card", sa.Boolean(), server_default="false", nullable=False),
        schema="escrow",
    )
    op.add_column(
        "enrolment", sa.Column("list_lesson_fen", sa.BigInteger(), nullable=True), schema="escrow"
    )
    op.add_column(
        "enrolment",
        sa.Column("materials_fen", sa.BigInteger(), server_default="0", nullable=False),
        schema="escrow",
    )
    op.add_column(
        "enrolment",
        sa.Column("time_card", sa.Boolean(), server_default="false", nullable=False),
        schema="escrow",
    )
    op.add_column(
        "enrolment",
        sa.Column("schedule_version", sa.Integer(), server_default="1", nullable=False),
        schema="escrow",
    )
    op.add_column(
        "enrolment", sa.Column("schedule_fen", sa.BigInteger(), nullable=True), schema="escrow"
    )
    op.add_column(
        "enrolment", sa.Column("schedule_paid", sa.Integer(), nullable=True), schema="escrow"
    )
    op.add_column(
        "enrolment", sa.Column("schedule_gift", sa.Integer(), nullable=True), schema="escrow"
    )
    op.add_column(
        "enrolment", sa.Column("schedule_confirmed", sa.Integer(), nullable=True), schema="escrow"
    )
    op.add_column(
        "lesson",
        sa.Column("schedule_version", sa.Integer(), server_default="1", nullable=False),
        schema="escrow",
    )
    op.add_column(
        "payment_order", sa.Column("refund_id", sa.Uuid(), nullable=True), schema="escrow"
    )
    op.add_column(
        "payment_order", sa.Column("porting_id", sa.Uuid(), nullable=True), schema="escrow"
    )
    op.add_column(
        "payment_order",
        sa.Column("target_custody_account_id", sa.Uuid(), nullable=True),
        schema="escrow",
    )
    op.add_column("payment_order", sa.Column("purpose", sa.Text(), nullable=True), schema="escrow")
    op.add_column(
        "payment_order", sa.Column("replaces_order_id", sa.Uuid(), nullable=True), schema="escrow"
    )
    op.add_column(
        "payment_order", sa.Column("arrived_entry_id", sa.Uuid(), nullable=True), schema="escrow"
    )
    op.alter_column("payment_order", "payee_party_id", nullable=True, schema="escrow")


def _constraints() -> None:
    for table, name, condition in (
        ("escrow.payment_order", "ck_payment_order_kind", ORDER_KINDS),
        ("escrow.payment_order", "ck_payment_order_payee", ORDER_PAYEE),
        ("pii.party", "ck_party_kind", PARTY_KINDS),
    ):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")


def _guards() -> None:
    writable = f"{JOURNAL} AND (SELECT escrow.is_writer())"
    for table, visible in READ_POLICY.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY reads ON {table} FOR SELECT TO escrow_app USING ({visible})")
        op.execute(f"CREATE POLICY audits ON {table} FOR SELECT TO escrow_audit USING (true)")
        op.execute(
            f"CREATE POLICY inserts ON {table} FOR INSERT TO escrow_app WITH CHECK ({writable})"
        )
        op.execute(
            f"CREATE POLICY updates ON {table} FOR UPDATE TO escrow_app"
            f" USING ({writable}) WITH CHECK ({writable})"
        )
        op.execute(f"REVOKE ALL ON {table} FROM PUBLIC")
        if table.startswith("pii."):
            op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO escrow_pii")
            continue
        op.execute(f"GRANT SELECT ON {table} TO escrow_app, escrow_audit")
        name = table.removeprefix("escrow.")
        rights = "INSERT" if name in APPEND_ONLY else "INSERT, UPDATE"
        op.execute(f"GRANT {rights} ON {table} TO escrow_app")
    for name in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.{name}"
            " FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()"
        )
    op.execute(f"ALTER POLICY reads ON pii.party USING ({PAYEES})")


def _tables() -> None:
    op.create_table(
        "asset",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("wind_down_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("estimated_fen", sa.BigInteger(), nullable=False),
        sa.Column("realized_fen", sa.BigInteger(), nullable=False),
        sa.Column("document_hash", sa.Text(), nullable=True),
        sa.Column("receipt_entry_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('FOUND', 'REALIZED', 'ABANDONED')", name=op.f("ck_asset_state")
        ),
        sa.PrimaryKeyConstraint("journal_id", "asset_id", name=op.f("pk_asset")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_asset_journal_id_wind_down_id_asset_id"),
        "asset",
        ["journal_id", "wind_down_id", "asset_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "claim",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("lessons_given_up", sa.Integer(), nullable=True),
        sa.Column("filed_by", sa.Text(), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=False),
        sa.Column("service_stopped_on", sa.Date(), nullable=True),
        sa.Column("answer_due_on", sa.Date(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.Column("contest_reason", sa.Text(), nullable=True),
        sa.Column("materials_fen", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("article", sa.Text(), nullable=True),
        sa.Column("refund_fen", sa.BigInteger(), nullable=True),
        sa.Column("institution_fen", sa.BigInteger(), nullable=True),
        sa.Column("interest_fen", sa.BigInteger(), nullable=True),
        sa.Column("breakdown", sa.Text(), nullable=True),
        sa.Column("day_count", sa.Text(), nullable=True),
        sa.Column("pay_due_on", sa.Date(), nullable=True),
        sa.Column("approved_on", sa.Date(), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('COOLING_OFF', 'BEFORE_START', 'CONSUMER', 'INSTITUTION', 'LAW_ENFORCEMENT', 'COLLAPSE', 'PORTING')",
            name=op.f("ck_claim_reason"),
        ),
        sa.CheckConstraint("scope IN ('WHOLE', 'PARTIAL')", name=op.f("ck_claim_scope")),
        sa.CheckConstraint(
            "state IN ('FILED', 'AGREED', 'CONTESTED', 'DECIDED', 'APPROVED', 'PAID', 'WITHDRAWN', 'DISMISSED')",
            name=op.f("ck_claim_state"),
        ),
        sa.CheckConstraint(
            "materials_fen >= 0 AND refund_fen >= 0 AND institution_fen >= 0 AND interest_fen >= 0",
            name=op.f("ck_claim_amounts"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "claim_id", name=op.f("pk_claim")),
        schema="escrow",
    )
    op.create_index(
        "ix_claim_answer_due",
        "claim",
        ["journal_id", "answer_due_on", "claim_id"],
        unique=False,
        schema="escrow",
        postgresql_where="state = 'FILED'",
    )
    op.create_index(
        op.f("ix_claim_journal_id_guardian_id_claim_id"),
        "claim",
        ["journal_id", "guardian_id", "claim_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_claim_journal_id_institution_id_claim_id"),
        "claim",
        ["journal_id", "institution_id", "claim_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        "ix_claim_pay_due",
        "claim",
        ["journal_id", "pay_due_on", "claim_id"],
        unique=False,
        schema="escrow",
        postgresql_where="state IN ('AGREED', 'DECIDED', 'APPROVED')",
    )
    op.create_index(
        "uq_claim_open",
        "claim",
        ["journal_id", "enrolment_id"],
        unique=True,
        schema="escrow",
        postgresql_where="state IN ('FILED', 'AGREED', 'CONTESTED', 'DECIDED', 'APPROVED')",
    )
    op.create_table(
        "claim_evidence",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("document_hash", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "party IN ('GUARDIAN', 'INSTITUTION', 'REGULATOR')",
            name=op.f("ck_claim_evidence_party"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "evidence_id", name=op.f("pk_claim_evidence")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_claim_evidence_journal_id_claim_id_evidence_id"),
        "claim_evidence",
        ["journal_id", "claim_id", "evidence_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "distribution_plan",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("wind_down_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("inputs_hash", sa.LargeBinary(), nullable=False),
        sa.Column("plan_hash", sa.LargeBinary(), nullable=False),
        sa.Column("entitlements", sa.Integer(), nullable=False),
        sa.Column("claimed_fen", sa.BigInteger(), nullable=False),
        sa.Column("pool_fen", sa.BigInteger(), nullable=False),
        sa.Column("distributed_fen", sa.BigInteger(), nullable=False),
        sa.Column("residual_fen", sa.BigInteger(), nullable=False),
        sa.Column("posted_to", sa.Integer(), nullable=False),
        sa.Column("orders_to", sa.Integer(), nullable=False),
        sa.Column("simulated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_on", sa.Date(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "basis IN ('POOLED', 'TRACED_FIRST')", name=op.f("ck_distribution_plan_basis")
        ),
        sa.CheckConstraint(
            "state IN ('SIMULATED', 'APPROVED', 'POSTED', 'SUPERSEDED')",
            name=op.f("ck_distribution_plan_state"),
        ),
        sa.CheckConstraint(
            "claimed_fen = distributed_fen + residual_fen", name=op.f("ck_distribution_plan_whole")
        ),
        sa.PrimaryKeyConstraint("journal_id", "plan_id", name=op.f("pk_distribution_plan")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_distribution_plan_journal_id_wind_down_id_plan_id"),
        "distribution_plan",
        ["journal_id", "wind_down_id", "plan_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "entitlement",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entitlement_id", sa.Uuid(), nullable=False),
        sa.Column("wind_down_id", sa.Uuid(), nullable=False),
        sa.Column("register_number", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("contract_on", sa.Date(), nullable=False),
        sa.Column("contract_number", sa.Text(), nullable=False),
        sa.Column("claimed_fen", sa.BigInteger(), nullable=False),
        sa.Column("unfunded_fen", sa.BigInteger(), nullable=False),
        sa.Column("dividend_fen", sa.BigInteger(), nullable=False),
        sa.Column("residual_fen", sa.BigInteger(), nullable=False),
        sa.Column("written_off_fen", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("posted_round", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('REGISTERED', 'OBJECTED', 'ADMITTED', 'POSTED', 'SETTLED')",
            name=op.f("ck_entitlement_state"),
        ),
        sa.CheckConstraint(
            "claimed_fen >= 0 AND unfunded_fen >= 0 AND dividend_fen >= 0 AND residual_fen >= 0 AND written_off_fen >= 0",
            name=op.f("ck_entitlement_amounts"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "entitlement_id", name=op.f("pk_entitlement")),
        sa.UniqueConstraint(
            "journal_id",
            "wind_down_id",
            "register_number",
            name=op.f("uq_entitlement_journal_id_wind_down_id_register_number"),
        ),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_entitlement_journal_id_guardian_id_entitlement_id"),
        "entitlement",
        ["journal_id", "guardian_id", "entitlement_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        "uq_entitlement_enrolment",
        "entitlement",
        ["journal_id", "wind_down_id", "enrolment_id"],
        unique=True,
        schema="escrow",
    )
    op.create_table(
        "interest_credit",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("interest_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("allocated_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("credited_on", sa.Date(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('CREDITED', 'ALLOCATED')", name=op.f("ck_interest_credit_state")
        ),
        sa.CheckConstraint(
            "amount_fen > 0 AND allocated_fen BETWEEN 0 AND amount_fen",
            name=op.f("ck_interest_credit_amounts"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "interest_id", name=op.f("pk_interest_credit")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_interest_credit_journal_id_custody_account_id_interest_id"),
        "interest_credit",
        ["journal_id", "custody_account_id", "interest_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_interest_credit_journal_id_institution_id_interest_id"),
        "interest_credit",
        ["journal_id", "institution_id", "interest_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "objection",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("objection_id", sa.Uuid(), nullable=False),
        sa.Column("wind_down_id", sa.Uuid(), nullable=False),
        sa.Column("entitlement_id", sa.Uuid(), nullable=True),
        sa.Column("enrolment_id", sa.Uuid(), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("contract_number", sa.Text(), nullable=True),
        sa.Column("contract_on", sa.Date(), nullable=True),
        sa.Column("student_id", sa.Uuid(), nullable=True),
        sa.Column("asked_fen", sa.BigInteger(), nullable=False),
        sa.Column("document_hash", sa.Text(), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_fen", sa.BigInteger(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('AMOUNT', 'MISSING')", name=op.f("ck_objection_kind")),
        sa.CheckConstraint(
            "state IN ('FILED', 'UPHELD', 'REJECTED')", name=op.f("ck_objection_state")
        ),
        sa.PrimaryKeyConstraint("journal_id", "objection_id", name=op.f("pk_objection")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_objection_journal_id_guardian_id_objection_id"),
        "objection",
        ["journal_id", "guardian_id", "objection_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_objection_journal_id_wind_down_id_objection_id"),
        "objection",
        ["journal_id", "wind_down_id", "objection_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "placement_offer",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("wind_down_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("receiving_institution_id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("lesson_fen", sa.BigInteger(), nullable=False),
        sa.Column("bonus_percent", sa.Integer(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("places_taken", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("offered_on", sa.Date(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('OPEN', 'WITHDRAWN', 'ENDED')", name=op.f("ck_placement_offer_state")
        ),
        sa.CheckConstraint(
            "lesson_fen > 0 AND bonus_percent >= 0 AND places >= 0",
            name=op.f("ck_placement_offer_sizes"),
        ),
        sa.CheckConstraint(
            "places_taken BETWEEN 0 AND places", name=op.f("ck_placement_offer_places")
        ),
        sa.PrimaryKeyConstraint("journal_id", "offer_id", name=op.f("pk_placement_offer")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_placement_offer_journal_id_wind_down_id_offer_id"),
        "placement_offer",
        ["journal_id", "wind_down_id", "offer_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "plan_share",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("register_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entitlement_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("claim_fen", sa.BigInteger(), nullable=False),
        sa.Column("tier_one_fen", sa.BigInteger(), nullable=False),
        sa.Column("tier_two_fen", sa.BigInteger(), nullable=False),
        sa.Column("dividend_fen", sa.BigInteger(), nullable=False),
        sa.Column("residual_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "dividend_fen = tier_one_fen + tier_two_fen AND claim_fen = dividend_fen + residual_fen AND tier_one_fen >= 0 AND tier_two_fen >= 0 AND residual_fen >= 0",
            name=op.f("ck_plan_share_whole"),
        ),
        sa.PrimaryKeyConstraint(
            "journal_id", "plan_id", "register_number", name=op.f("pk_plan_share")
        ),
        schema="escrow",
    )
    op.create_table(
        "porting",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("porting_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("entitlement_id", sa.Uuid(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("to_institution_id", sa.Uuid(), nullable=False),
        sa.Column("to_custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("to_course_id", sa.Uuid(), nullable=False),
        sa.Column("to_enrolment_id", sa.Uuid(), nullable=True),
        sa.Column("consent_hash", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("granted_lessons", sa.Integer(), nullable=False),
        sa.Column("granted_gift", sa.Integer(), nullable=False),
        sa.Column("worth_fen", sa.BigInteger(), nullable=False),
        sa.Column("taken_paid", sa.Integer(), nullable=False),
        sa.Column("taken_gift", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("chosen_on", sa.Date(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('LIVE', 'PLACEMENT')", name=op.f("ck_porting_kind")),
        sa.CheckConstraint(
            "state IN ('CHOSEN', 'INSTRUCTED', 'SENT', 'ARRIVED', 'FAILED', 'WITHDRAWN')",
            name=op.f("ck_porting_state"),
        ),
        sa.CheckConstraint(
            "amount_fen >= 0 AND granted_lessons >= 0", name=op.f("ck_porting_amounts")
        ),
        sa.PrimaryKeyConstraint("journal_id", "porting_id", name=op.f("pk_porting")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_porting_journal_id_entitlement_id"),
        "porting",
        ["journal_id", "entitlement_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_porting_journal_id_guardian_id_porting_id"),
        "porting",
        ["journal_id", "guardian_id", "porting_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_porting_journal_id_institution_id_porting_id"),
        "porting",
        ["journal_id", "institution_id", "porting_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_porting_journal_id_to_institution_id_porting_id"),
        "porting",
        ["journal_id", "to_institution_id", "porting_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "refund",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_entry_id", sa.Uuid(), nullable=True),
        sa.Column("payee_party_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("payable_fen", sa.BigInteger(), nullable=False),
        sa.Column("in_transit_fen", sa.BigInteger(), nullable=False),
        sa.Column("returned_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("lodged_fen", sa.BigInteger(), nullable=False),
        sa.Column("taken_back_fen", sa.BigInteger(), nullable=False),
        sa.Column("waiting_for", sa.Text(), nullable=True),
        sa.Column("payee_hold_until", sa.Date(), nullable=True),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("created_on", sa.Date(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "source IN ('CLAIM', 'DIVIDEND', 'RECOVERY', 'PORTING', 'INTEREST')",
            name=op.f("ck_refund_source"),
        ),
        sa.CheckConstraint("waiting_for IN ('MONEY', 'PAYEE')", name=op.f("ck_refund_waiting_for")),
        sa.CheckConstraint(
            "payable_fen >= 0 AND in_transit_fen >= 0 AND returned_fen >= 0 AND paid_fen >= 0 AND lodged_fen >= 0 AND taken_back_fen >= 0 AND amount_fen > 0 AND amount_fen = payable_fen + in_transit_fen + returned_fen + paid_fen + lodged_fen + taken_back_fen",
            name=op.f("ck_refund_parts"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "refund_id", name=op.f("pk_refund")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_refund_journal_id_enrolment_id_refund_id"),
        "refund",
        ["journal_id", "enrolment_id", "refund_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_refund_journal_id_guardian_id_refund_id"),
        "refund",
        ["journal_id", "guardian_id", "refund_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_refund_journal_id_institution_id_refund_id"),
        "refund",
        ["journal_id", "institution_id", "refund_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_refund_journal_id_source_id_refund_id"),
        "refund",
        ["journal_id", "source_id", "refund_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        "ix_refund_payable",
        "refund",
        ["journal_id", "custody_account_id", "refund_id"],
        unique=False,
        schema="escrow",
        postgresql_where="payable_fen > 0",
    )
    op.create_index(
        "ix_refund_returned",
        "refund",
        ["journal_id", "custody_account_id", "refund_id"],
        unique=False,
        schema="escrow",
        postgresql_where="returned_fen > 0",
    )
    op.create_table(
        "resolution_pack",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pack_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("position_seq", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "cause IN ('NIGHTLY', 'ON_DEMAND', 'FREEZE')", name=op.f("ck_resolution_pack_cause")
        ),
        sa.PrimaryKeyConstraint("journal_id", "pack_id", name=op.f("pk_resolution_pack")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_resolution_pack_journal_id_institution_id_pack_id"),
        "resolution_pack",
        ["journal_id", "institution_id", "pack_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "statement_request",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("wind_down_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("balance_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ledger_fen", sa.BigInteger(), nullable=False),
        sa.Column("bank_fen", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("document_hash", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('ASKED', 'AGREED', 'DIFFERENT')", name=op.f("ck_statement_request_state")
        ),
        sa.PrimaryKeyConstraint("journal_id", "request_id", name=op.f("pk_statement_request")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_statement_request_journal_id_bank_code_state_request_id"),
        "statement_request",
        ["journal_id", "bank_code", "state", "request_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_statement_request_journal_id_wind_down_id_request_id"),
        "statement_request",
        ["journal_id", "wind_down_id", "request_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "wind_down",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wind_down_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frozen_on", sa.Date(), nullable=False),
        sa.Column("frozen_seq", sa.BigInteger(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("lessons_due_on", sa.Date(), nullable=True),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("objections_until", sa.Date(), nullable=True),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("entitlements", sa.Integer(), nullable=False),
        sa.Column("claimed_fen", sa.BigInteger(), nullable=False),
        sa.Column("distributed_fen", sa.BigInteger(), nullable=False),
        sa.Column("residual_fen", sa.BigInteger(), nullable=False),
        sa.Column("steps", sa.Text(), server_default="[]", nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("basis IN ('POOLED', 'TRACED_FIRST')", name=op.f("ck_wind_down_basis")),
        sa.CheckConstraint(
            "state IN ('FROZEN', 'OPENED', 'LESSONS_SETTLED', 'REGISTER_PUBLISHED', 'SET_OFF', 'DEPOSIT_DRAWN', 'PLANNED', 'APPROVED', 'POSTED', 'PAYING', 'RESIDUAL', 'CLOSED', 'LIFTED')",
            name=op.f("ck_wind_down_state"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "wind_down_id", name=op.f("pk_wind_down")),
        schema="escrow",
    )
    op.create_index(
        "uq_wind_down_open",
        "wind_down",
        ["journal_id", "institution_id"],
        unique=True,
        schema="escrow",
        postgresql_where="state NOT IN ('CLOSED', 'LIFTED')",
    )
    op.create_table(
        "claim_note",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "party IN ('GUARDIAN', 'INSTITUTION', 'REGULATOR')", name=op.f("ck_claim_note_party")
        ),
        sa.PrimaryKeyConstraint("journal_id", "note_id", name=op.f("pk_claim_note")),
        schema="pii",
    )
    op.create_index(
        op.f("ix_claim_note_journal_id_subject_id_note_id"),
        "claim_note",
        ["journal_id", "subject_id", "note_id"],
        unique=False,
        schema="pii",
    )


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")

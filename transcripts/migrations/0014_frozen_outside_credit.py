"""The database itself keeps outside credit as it was decided: triggers on both databases.

A decision and a file of evidence never change. What a decision was made about changes no more, but
that it may be withdrawn. Nobody decides on their own, or on what was withdrawn.
"""

from django.db import migrations

CREDIT, LINE, DECISION, EVIDENCE = (
    "transcripts_outsidecredit",
    "transcripts_outsideline",
    "transcripts_outsidedecision",
    "transcripts_evidence",
)
# Facts: all columns but ``withdrawn_at``.
FACTS = (
    "id, holder_id, title, provider, provider_contact, instructors, format, location, started_on, "
    "earned_on, hours, certificate_number, evidence_id, recorded_at, changed_at"
)
DECIDED = f"EXISTS (SELECT 1 FROM {DECISION} decision WHERE decision.credit_id = %s)"
FROZEN = "This outside credit is decided. Withdraw it and record it anew."

# Table, name of the rule, verbs, what makes it refuse, its words.
RULES = (
    (DECISION, "append_only", ("UPDATE", "DELETE"), "TRUE", "A decision is append-only."),
    (EVIDENCE, "append_only", ("UPDATE",), "TRUE", "A file of evidence does not change."),
    (CREDIT, "frozen", (f"UPDATE OF {FACTS}", "DELETE"), DECIDED % "OLD.id", FROZEN),
    (LINE, "not_changed", ("UPDATE", "DELETE"), DECIDED % "OLD.credit_id", FROZEN),
    (LINE, "not_added", ("INSERT",), DECIDED % "NEW.credit_id", FROZEN),
    (
        DECISION,
        "by_another",
        ("INSERT",),
        f"""EXISTS (
            SELECT 1 FROM {CREDIT} credit WHERE credit.id = NEW.credit_id
              AND (credit.holder_id = NEW.decided_by_id OR credit.withdrawn_at IS NOT NULL))""",
        "Outside credit that stands is decided by somebody else than its holder.",
    ),
)


def create_triggers(connection) -> None:
    with connection.cursor() as cursor:
        for table, rule, verbs, refuses, words in RULES:
            if connection.vendor == "postgresql":
                for statement in _postgresql(table, rule, verbs, refuses, words):
                    cursor.execute(statement)
                continue
            for verb in verbs:
                cursor.execute(
                    f"CREATE TRIGGER {_name(table, rule, verb)} BEFORE {verb} ON {table} "
                    f"WHEN {refuses} BEGIN SELECT RAISE(ABORT, '{words}'); END"
                )


def drop_triggers(connection) -> None:
    with connection.cursor() as cursor:
        for table, rule, verbs, _, _ in RULES:
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_{rule} ON {table}")
                cursor.execute(f"DROP FUNCTION IF EXISTS {table}_{rule}()")
                continue
            for verb in verbs:
                cursor.execute(f"DROP TRIGGER IF EXISTS {_name(table, rule, verb)}")


def _postgresql(table: str, rule: str, verbs: tuple[str, ...], refuses: str, words: str):
    yield f"""
        CREATE OR REPLACE FUNCTION {table}_{rule}() RETURNS trigger AS $$
        BEGIN
            IF {refuses} THEN
                RAISE EXCEPTION '{words}' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
            RETURN NEW;
        END
        $$ LANGUAGE plpgsql
        """
    yield (
        f"CREATE TRIGGER {table}_{rule} BEFORE {' OR '.join(verbs)} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_{rule}()"
    )


def _name(table: str, rule: str, verb: str) -> str:
    return f"{table}_{rule}_{verb.split()[0].lower()}"


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0013_outside_credit")]

    operations = [
        migrations.RunPython(
            lambda apps, schema_editor: create_triggers(schema_editor.connection),
            lambda apps, schema_editor: drop_triggers(schema_editor.connection),
        )
    ]

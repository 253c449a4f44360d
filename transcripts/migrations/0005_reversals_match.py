"""The database itself refuses a reversal that is not exactly of one award: triggers on both."""

from django.db import migrations

ENTRY, LINE, CERTIFICATE = (
    "transcripts_creditentry",
    "transcripts_creditline",
    "transcripts_certificate",
)

# Table, name of the rule, what makes it refuse, and its words.
RULES = (
    (
        ENTRY,
        "reversal_matches",
        f"""NEW.reverses_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM {ENTRY} award
            WHERE award.id = NEW.reverses_id AND award.reverses_id IS NULL
              AND award.holder_id = NEW.holder_id AND award.activity = NEW.activity
              AND award.earned_on = NEW.earned_on AND award.hours = -NEW.hours)""",
        "A reversal takes back exactly what one award gave.",
    ),
    (
        ENTRY,
        "correction_follows",
        f"""NEW.replaces_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM {ENTRY} reversal
            WHERE reversal.reverses_id = NEW.replaces_id
              AND reversal.holder_id = NEW.holder_id AND reversal.activity = NEW.activity)""",
        "A correction replaces an award that was reversed.",
    ),
    (
        LINE,
        "line_matches",
        f"""NOT EXISTS (
            SELECT 1 FROM {ENTRY} entry WHERE entry.id = NEW.entry_id AND (
                (entry.reverses_id IS NULL AND NEW.hours >= 0)
                OR EXISTS (
                    SELECT 1 FROM {LINE} given
                    WHERE given.entry_id = entry.reverses_id AND given.body = NEW.body
                      AND given.credit_type = NEW.credit_type AND given.hours = -NEW.hours)))""",
        "A line gives hours, or takes back exactly what the reversed award gave.",
    ),
    (
        CERTIFICATE,
        "certifies_award",
        f"""EXISTS (
            SELECT 1 FROM {ENTRY} entry
            WHERE entry.id = NEW.entry_id AND entry.reverses_id IS NOT NULL)""",
        "A certificate is of an award, not of a reversal.",
    ),
)


def create_rules(apps, schema_editor) -> None:
    for table, rule, refuses, words in RULES:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(
                f"""
                CREATE OR REPLACE FUNCTION transcripts_{rule}() RETURNS trigger AS $$
                BEGIN
                    IF {refuses} THEN
                        RAISE EXCEPTION '{words}' USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NEW;
                END
                $$ LANGUAGE plpgsql
                """
            )
            schema_editor.execute(
                f"CREATE TRIGGER {table}_{rule} BEFORE INSERT ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION transcripts_{rule}()"
            )
        else:
            schema_editor.execute(
                f"CREATE TRIGGER {table}_{rule} BEFORE INSERT ON {table} WHEN {refuses} "
                f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
            )


def drop_rules(apps, schema_editor) -> None:
    for table, rule, _, _ in RULES:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_{rule} ON {table}")
            schema_editor.execute(f"DROP FUNCTION IF EXISTS transcripts_{rule}()")
        else:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_{rule}")


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0004_reversal")]

    operations = [migrations.RunPython(create_rules, drop_rules)]

"""The database itself keeps the practice log: triggers on both databases.

Entries and confirmations never change. A day has 24 hours in all, a week begins on a Monday, and a
reversal takes back exactly what one entry gave.
"""

from django.db import migrations

ENTRY, CONFIRMATION = "transcripts_practiceentry", "transcripts_practiceconfirmation"
KEPT = "The practice log is append-only: reverse an entry and log a new one."

# Name of the rule, table, verbs, what makes it refuse on PostgreSQL and on SQLite, its words.
IN_WEEK = (
    "EXTRACT(ISODOW FROM NEW.week) <> 1 OR NEW.worked_on > NEW.week + 6",
    "strftime('%w', NEW.week) <> '1' OR NEW.worked_on > date(NEW.week, '+6 days')",
)
DAY_IS_FULL = f"""(SELECT COALESCE(SUM(entry.quarter_hours), 0) FROM {ENTRY} entry
    WHERE entry.trainee_id = NEW.trainee_id AND entry.worked_on = NEW.worked_on)
    + NEW.quarter_hours > 96"""
NO_MATCH = f"""NEW.reverses_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM {ENTRY} entry
    WHERE entry.id = NEW.reverses_id AND entry.reverses_id IS NULL
      AND entry.trainee_id = NEW.trainee_id AND entry.worked_on = NEW.worked_on
      AND entry.week = NEW.week AND entry.kind = NEW.kind
      AND entry.quarter_hours = -NEW.quarter_hours)"""
OF_THE_WEEK = f"""NOT EXISTS (
    SELECT 1 FROM {ENTRY} entry
    WHERE entry.id = NEW.last_entry_id AND entry.trainee_id = NEW.trainee_id
      AND entry.week = NEW.week)"""
RULES = (
    ("kept", ENTRY, ("UPDATE", "DELETE"), ("TRUE", "TRUE"), KEPT),
    ("kept", CONFIRMATION, ("UPDATE", "DELETE"), ("TRUE", "TRUE"), KEPT),
    ("in_week", ENTRY, ("INSERT",), IN_WEEK, "An entry is of the week that its day is in."),
    ("in_day", ENTRY, ("INSERT",), (DAY_IS_FULL,) * 2, "A day has 24 hours."),
    (
        "reversal_matches",
        ENTRY,
        ("INSERT",),
        (NO_MATCH,) * 2,
        "A reversal takes back exactly what one entry gave.",
    ),
    (
        "of_the_week",
        CONFIRMATION,
        ("INSERT",),
        (OF_THE_WEEK,) * 2,
        "A confirmation reaches up to an entry of its week.",
    ),
)


def create_triggers(connection) -> None:
    with connection.cursor() as cursor:
        for rule, table, verbs, (on_postgresql, on_sqlite), words in RULES:
            if connection.vendor == "postgresql":
                cursor.execute(
                    f"""
                    CREATE OR REPLACE FUNCTION {table}_{rule}() RETURNS trigger AS $$
                    BEGIN
                        IF {on_postgresql} THEN
                            RAISE EXCEPTION '{words}'
                            USING ERRCODE = 'integrity_constraint_violation';
                        END IF;
                        RETURN NEW;
                    END
                    $$ LANGUAGE plpgsql
                    """
                )
                cursor.execute(
                    f"CREATE TRIGGER {table}_{rule} BEFORE {' OR '.join(verbs)} ON {table} "
                    f"FOR EACH ROW EXECUTE FUNCTION {table}_{rule}()"
                )
                continue
            for verb in verbs:
                cursor.execute(
                    f"CREATE TRIGGER {table}_{rule}_{verb.lower()} BEFORE {verb} ON {table} "
                    f"WHEN {on_sqlite} BEGIN SELECT RAISE(ABORT, '{words}'); END"
                )


def drop_triggers(connection) -> None:
    with connection.cursor() as cursor:
        for rule, table, verbs, _, _ in RULES:
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_{rule} ON {table}")
                cursor.execute(f"DROP FUNCTION IF EXISTS {table}_{rule}()")
                continue
            for verb in verbs:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_{rule}_{verb.lower()}")


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0018_practice_log")]

    operations = [
        migrations.RunPython(
            lambda apps, schema_editor: create_triggers(schema_editor.connection),
            lambda apps, schema_editor: drop_triggers(schema_editor.connection),
        )
    ]

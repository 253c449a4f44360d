"""The words of each listed course, in the full text of the database at hand.

PostgreSQL: a tsvector with positions, A to C by field. SQLite: an FTS5 table, a column a field.
Both are written and asked by ``courses.fulltext`` alone. No foreign key: tests truncate the rest,
and a document without its course finds nothing.
"""

from django.db import migrations

TABLES = {
    "postgresql": (
        """
        CREATE TABLE courses_searchdocument (course_id bigint PRIMARY KEY, words tsvector NOT NULL);
        CREATE INDEX courses_searchdocument_words ON courses_searchdocument USING gin (words);
        """,
        "DROP TABLE courses_searchdocument",
    ),
    "sqlite": (
        """
        CREATE VIRTUAL TABLE courses_searchdocument
        USING fts5 (title, shelf, text, tokenize = "unicode61 tokenchars '_'")
        """,
        "DROP TABLE courses_searchdocument",
    ),
}


def make_table(apps, schema_editor) -> None:
    schema_editor.execute(TABLES[schema_editor.connection.vendor][0])


def drop_table(apps, schema_editor) -> None:
    schema_editor.execute(TABLES[schema_editor.connection.vendor][1])


class Migration(migrations.Migration):
    dependencies = [("courses", "0004_catalog_listing")]

    operations = [migrations.RunPython(make_table, drop_table)]

"""A course at an address that is now a page of its own gets another address."""

from django.db import migrations

RESERVED = ["saved", "shortlist", "suggest", "topics"]


def move_courses(apps, schema_editor) -> None:
    Course = apps.get_model("courses", "Course")
    for course in Course.objects.filter(slug__in=RESERVED).order_by("pk"):
        number, slug = 2, f"{course.slug}-course"
        while Course.objects.filter(slug=slug).exists():
            number, slug = number + 1, f"{course.slug}-course-{number}"
        course.slug = slug
        course.save(update_fields=["slug"])


class Migration(migrations.Migration):
    dependencies = [("courses", "0007_search_tallies")]

    # Nothing to undo: the new address does older code no harm.
    operations = [migrations.RunPython(move_courses, migrations.RunPython.noop)]

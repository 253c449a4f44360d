"""What was graded and read so far, in the new form."""

from django.db import migrations
from django.db.models import F


def open_lessons_that_were_read(apps, schema_editor) -> None:
    """So far only reading was noted; a lesson was opened at the latest when it was read."""
    LessonProgress = apps.get_model("courses", "LessonProgress")
    LessonProgress.objects.filter(opened_at__isnull=True).update(
        opened_at=F("read_at"), seen_at=F("read_at"), position=100
    )


def keep_what_was_shown(apps, schema_editor) -> None:
    """The words were kept, the ids of choices were not: they are found by their words, and a choice
    that is gone gets a number below zero."""
    Attempt = apps.get_model("courses", "Attempt")
    Choice = apps.get_model("courses", "Choice")
    ids: dict[int, dict[str, int]] = {}
    for choice in Choice.objects.order_by("-pk").values("pk", "question", "text"):
        ids.setdefault(choice["question"], {})[choice["text"]] = choice["pk"]
    for attempt in Attempt.objects.filter(started_at__isnull=True).iterator():
        attempt.shown = [
            _shown(answer, ids.get(answer["question"], {})) for answer in attempt.answers
        ]
        attempt.chosen = {
            str(question["question"]): [
                choice["choice"]
                for choice in question["choices"]
                if choice["text"] == answer["chosen"]
            ]
            for question, answer in zip(attempt.shown, attempt.answers, strict=True)
        }
        attempt.started_at = attempt.submitted_at
        attempt.save(update_fields=["shown", "chosen", "started_at"])


def _shown(answer, ids):
    return {
        "question": answer["question"],
        "kind": "single",
        "ask": answer["asked"],
        "rationale": answer["rationale"],
        "choices": [
            {
                "choice": ids.get(text, -1 - place),
                "text": text,
                "is_right": text == answer["right"],
            }
            for place, text in enumerate(answer["choices"])
        ],
    }


def state_answers(apps, schema_editor) -> None:
    """Back: what was graded, as it was kept before; an open attempt is none yet."""
    Attempt = apps.get_model("courses", "Attempt")
    Attempt.objects.filter(submitted_at__isnull=True).delete()
    for attempt in Attempt.objects.iterator():
        attempt.answers = [
            _answer(question, attempt.chosen[str(question["question"])])
            for question in attempt.shown
        ]
        attempt.save(update_fields=["answers"])


def _answer(question, chosen):
    right = [choice for choice in question["choices"] if choice["is_right"]]
    taken = [choice for choice in question["choices"] if choice["choice"] in chosen]
    return {
        "question": question["question"],
        "asked": question["ask"],
        "choices": [choice["text"] for choice in question["choices"]],
        "chosen": "; ".join(choice["text"] for choice in taken),
        "right": "; ".join(choice["text"] for choice in right),
        "is_right": taken == right,
        "rationale": question["rationale"],
    }


def forget_what_is_only_opened(apps, schema_editor) -> None:
    apps.get_model("courses", "LessonProgress").objects.filter(read_at__isnull=True).delete()


class Migration(migrations.Migration):
    dependencies = [("courses", "0020_lessons_and_attempts")]

    operations = [
        migrations.RunPython(open_lessons_that_were_read, forget_what_is_only_opened),
        migrations.RunPython(keep_what_was_shown, state_answers),
    ]

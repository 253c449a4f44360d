import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0012_require_requirements"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WaitlistPlace",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("joined_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("offered", "Seat offered"),
                            ("taken", "Seat taken"),
                            ("declined", "Offer declined"),
                            ("expired", "Offer lapsed"),
                            ("left", "Left the waitlist"),
                            ("closed", "Waitlist closed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("offered_at", models.DateTimeField(blank=True, null=True)),
                ("offer_expires_at", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "enrollment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waitlist_places",
                        to="courses.enrollment",
                    ),
                ),
                (
                    "learner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waitlist_places",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waitlist",
                        to="courses.session",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["waiting", "offered"])),
                        fields=["session", "joined_at"],
                        name="waitlist_in_order",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["waiting", "offered"])),
                        fields=("session", "learner"),
                        name="waitlist_one_open_place_per_learner",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "waiting",
                                    "offered",
                                    "taken",
                                    "declined",
                                    "expired",
                                    "left",
                                    "closed",
                                ],
                            )
                        ),
                        name="waitlist_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("offer_expires_at__isnull", True),
                                ("offered_at__isnull", True),
                                ("state__in", ["waiting", "left", "closed"]),
                            ),
                            models.Q(
                                ("offer_expires_at__gt", models.F("offered_at")),
                                ("offered_at__isnull", False),
                                (
                                    "state__in",
                                    ["offered", "taken", "declined", "expired", "closed"],
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="waitlist_offer_has_its_moments",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("closed_at__isnull", True), ("state__in", ["waiting", "offered"])
                            ),
                            models.Q(
                                models.Q(("state__in", ["waiting", "offered"]), _negated=True),
                                ("closed_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="waitlist_place_ends_at_a_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("enrollment__isnull", False), ("state", "taken")),
                            models.Q(
                                models.Q(("state", "taken"), _negated=True),
                                ("enrollment__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="waitlist_seat_taken_by_an_enrollment",
                    ),
                ],
            },
        ),
    ]

"""What is true of the files that people upload as proof."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from accounts.models import Scope, User
from transcripts.models.certificates import certificate_storage
from transcripts.models.credit import readable_by

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class EvidenceQuerySet(models.QuerySet["Evidence"]):
    def visible_to(self, user: User | AnonymousUser, *, at: datetime) -> EvidenceQuerySet:
        """The user's own; of credit that their trainees keep, in scope; and staff: all."""
        if user.has_perm("transcripts.view_evidence"):
            return self.all()
        readable = readable_by(user, scope=Scope.EVIDENCE, at=at, holder="owner")
        kept = Q(credit__withdrawn_at__isnull=True) | Q(credit__decision__isnull=False)
        return self.filter(readable, Q(owner=user.pk) | Q(credit__isnull=False) & kept)

    def loose(self) -> EvidenceQuerySet:
        """Proof of nothing: the form was not finished, or another file took its place."""
        return self.filter(credit__isnull=True)


class Evidence(models.Model):
    """One uploaded file, byte for byte as it came. The database refuses to change it.

    ``media_type`` is told by what it holds; ``name`` is its owner's and only shown. ``preview`` is
    made anew from a picture, without whatever else the file said; other files have none.
    """

    class MediaType(models.TextChoices):
        PDF = "application/pdf", "PDF"
        JPEG = "image/jpeg", "JPEG picture"
        PNG = "image/png", "PNG picture"

    SUFFIXES = {MediaType.PDF: ".pdf", MediaType.JPEG: ".jpg", MediaType.PNG: ".png"}

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(User, models.PROTECT, related_name="evidence")
    file = models.FileField(max_length=200, storage=certificate_storage)
    preview = models.FileField(max_length=200, blank=True, storage=certificate_storage)
    name = models.CharField(max_length=120)
    media_type = models.CharField(max_length=20, choices=MediaType.choices)
    size = models.PositiveIntegerField(help_text="Bytes")
    pages = models.PositiveIntegerField()
    sha256 = models.CharField("SHA-256", max_length=64)
    uploaded_at = models.DateTimeField()

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "evidence"
        constraints = [
            models.CheckConstraint(
                condition=~Q(file="") & ~Q(name="") & ~Q(sha256="") & Q(size__gt=0, pages__gt=0),
                name="evidence_is_a_file",
            ),
            models.CheckConstraint(
                condition=Q(media_type__in=["application/pdf", "image/jpeg", "image/png"]),
                name="evidence_is_a_pdf_or_a_picture",
            ),
        ]
        indexes = [models.Index(fields=["sha256"], name="evidence_by_content")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_picture(self) -> bool:
        return self.media_type != self.MediaType.PDF

    @property
    def suffix(self) -> str:
        return self.SUFFIXES[Evidence.MediaType(self.media_type)]

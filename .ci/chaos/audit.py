"""What must hold once all is quiet: nothing lost, nothing doubled, nothing half-written."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from accounts.models import OutgoingMail
from courses.models import Completion, Enrollment
from transcripts import signing, verification
from transcripts.models import Certificate, CreditEntry, Job, JobItem

KIND = "certificate-ready"
# The end of every mail of the portal, by which a whole one is known.
SIGNATURE = "CE Portal"


@dataclass
class Findings:
    """What is wrong, in sentences; each is a breach."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)
    resent: int = 0  # mails that came twice under one Message-ID, where that is the promise

    def all(self) -> list[str]:
        return [
            *(f"lost: {one}" for one in self.lost),
            *(f"doubled: {one}" for one in self.doubled),
            *(f"half-written: {one}" for one in self.half),
        ]


def unrest(learners: Iterable[Enrollment]) -> str:
    """What is still to be done, in words; "" once all is quiet."""
    ids = [held.pk for held in learners]
    completed = Completion.objects.filter(enrollment__in=ids).count()
    if completed < len(ids):
        return f"{len(ids) - completed} not completed"
    mine = Certificate.objects.filter(entry__completion__enrollment__in=ids)
    for certificate in mine.filter(Q(state="queued") | ~Q(lease="") | ~Q(leftover="")):
        return (
            f"certificate {certificate.code} is {certificate.state}, {certificate.attempts} "
            f"attempts, lease “{certificate.lease}”, leftover “{certificate.leftover}”, "
            f"failure “{certificate.failure[:100]}”"
        )
    for promise in OutgoingMail.objects.open().filter(given_up_at__isnull=True):
        return f"mail {promise.key} waits, {promise.attempts} attempts, “{promise.failure[:100]}”"
    jobs = Job.objects.filter(finished_at__isnull=True).count()
    if jobs:
        return f"{jobs} jobs go on"
    return ""


def examine(
    learners: list[Enrollment],
    *,
    media: Path,
    messages: list[Message],
    may_resend: int,
    most_attempts: int,  # 0: as many as it takes
) -> Findings:
    """Everything about these learners, and what must hold of the whole portal."""
    found = Findings()
    sent = Counter(message["Message-ID"] for message in messages)
    for held in learners:
        _examine_one(held, found, media=media, sent=sent, may_resend=may_resend)
    mine = Certificate.objects.filter(entry__completion__enrollment__in=learners)
    for certificate in mine.filter(attempts__gt=most_attempts) if most_attempts else ():
        found.doubled.append(
            f"certificate {certificate.code} was drawn {certificate.attempts} times"
        )
    _examine_all(found, media=media, messages=messages)
    return found


def _examine_one(
    held: Enrollment,
    found: Findings,
    *,
    media: Path,
    sent: Counter[str],
    may_resend: int,
) -> None:
    who = f"learner {held.learner.email}"
    completions = Completion.objects.filter(learner=held.learner).count()
    entries = CreditEntry.objects.filter(holder=held.learner)
    certificates = list(Certificate.objects.filter(entry__in=entries).select_related("entry"))
    for what, count in (
        ("completion", completions),
        ("credit entry", len(entries)),
        ("certificate", len(certificates)),
    ):
        if count == 0:
            found.lost.append(f"{who} has no {what}")
        elif count > 1:
            found.doubled.append(f"{who} has {count} of {what}")
    for certificate in certificates:
        _examine_document(certificate, found, media=media)
        _examine_mail(certificate, found, sent=sent, may_resend=may_resend)


def _examine_document(certificate: Certificate, found: Findings, *, media: Path) -> None:
    name = f"certificate {certificate.code}"
    if certificate.state == Certificate.State.FAILED:
        found.lost.append(f"{name} failed: {certificate.failure}")
        return
    if certificate.state != Certificate.State.ISSUED:
        found.lost.append(f"{name} is {certificate.state}")
        return
    try:
        document = (media / str(certificate.pdf.name)).read_bytes()
    except FileNotFoundError:
        found.lost.append(f"{name} has no file {certificate.pdf.name}")
        return
    if hashlib.sha256(document).hexdigest() != certificate.pdf_sha256:
        found.half.append(f"{name}: the file is not what the row says")
        return
    check = verification.examine_file(document)
    is_whole = check.finding is signing.Finding.OURS and check.is_stored
    if not is_whole or check.certificate != certificate:
        found.half.append(f"{name}: {check.finding.value}")
    said = _pdfsig(media / str(certificate.pdf.name))
    if "Signature is Valid" not in said or "Total document signed" not in said:
        found.half.append(f"{name}: pdfsig says {said}")


def _pdfsig(path: Path) -> str:
    """What poppler, which is not ours, says of the signature."""
    program = shutil.which("pdfsig") or "pdfsig"
    said = subprocess.run([program, path], capture_output=True, text=True, check=False)
    return said.stdout + said.stderr


def _examine_mail(
    certificate: Certificate, found: Findings, *, sent: Counter[str], may_resend: int
) -> None:
    name = f"mail of certificate {certificate.code}"
    key = f"{KIND}:{certificate.pk}"
    promises = OutgoingMail.objects.filter(
        Q(key=key) | Q(kind=KIND, body__contains=certificate.code)
    )
    if certificate.state == Certificate.State.FAILED:
        if promises:
            found.doubled.append(f"{name}: promised although there is no document")
        return
    if len(promises) != 1:
        (found.lost if not promises else found.doubled).append(f"{name}: {len(promises)} promises")
        return
    promise = promises[0]
    if promise.sent_at is None:
        found.lost.append(f"{name}: {promise.state}")
    times = sum(count for id_, count in sent.items() if str(promise.pk) in id_)
    if times == 0:
        found.lost.append(f"{name}: promised, never delivered")
    elif times > 1 and found.resent + times - 1 <= may_resend:
        found.resent += times - 1
    elif times > 1:
        found.doubled.append(f"{name}: delivered {times} times")


def _examine_all(found: Findings, *, media: Path, messages: list[Message]) -> None:
    named = set(Certificate.objects.exclude(pdf="").values_list("pdf", flat=True))
    promised = set(Certificate.objects.exclude(leftover="").values_list("leftover", flat=True))
    there = {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}
    found.lost += [f"the file {name} is gone" for name in sorted(named - there)]
    found.half += [f"the file {name} is of nobody" for name in sorted(there - named - promised)]
    for entry in CreditEntry.objects.filter(Q(completion=None) | Q(certificate=None)):
        found.half.append(f"credit entry {entry.pk} without completion or certificate")
    for held in Enrollment.objects.filter(completed_at__isnull=False, completion=None):
        found.half.append(f"enrollment {held.pk} is completed without completion")
    known = {str(pk) for pk in OutgoingMail.objects.values_list("pk", flat=True)}
    for message in messages:
        pk = re.match(r"<([0-9a-f-]+)@", message["Message-ID"] or "")
        if pk is None or pk[1] not in known:
            found.doubled.append(f"a mail that nobody promised: {message['Message-ID']}")
        text = message.get_payload(decode=True)
        if not message["Subject"] or SIGNATURE.encode() not in (text or b""):
            found.half.append(f"the mail {message['Message-ID']} has no end")
    if JobItem.objects.filter(asked_at__isnull=True).exists():
        found.lost.append("a document of a job was never asked for")
    for refused in (
        "UPDATE transcripts_creditentry SET title = 'x'",
        "DELETE FROM transcripts_creditline",
    ):
        if not _is_refused(refused):
            found.half.append(f"the database allows: {refused}")


def _is_refused(statement: str) -> bool:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(statement)
            transaction.set_rollback(True)
    except DatabaseError:
        return True
    return False

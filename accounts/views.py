"""Profile, mail, licenses, supervision."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import invitations, mail, people, trace
from accounts import licenses as license_story
from accounts import supervision as supervision_story
from accounts.forms import (
    ConsentChangeForm,
    ConsentForm,
    InvitationForm,
    LicenseForm,
    MailPreferencesForm,
    ProfileForm,
    TraineeInvitationForm,
)
from accounts.mail_kinds import KINDS
from accounts.models import Invitation, License, NameChange, RecordRead, Scope, Side, Supervision
from accounts.requests import SignedInRequest

READS_ON_A_PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    """Names, time zone, and the licenses on file."""
    form = ProfileForm(request.POST if request.method == "POST" else None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        people.save_profile(
            person=request.user,
            legal_name=form.cleaned_data["legal_name"],
            preferred_name=form.cleaned_data["preferred_name"],
            time_zone=form.cleaned_data["time_zone"],
            at=timezone.now(),
        )
        messages.success(request, "Your profile is saved.")
        return redirect("accounts:profile")
    if form.errors:
        request.user.refresh_from_db()
    changes = NameChange.objects.filter(person=request.user).select_related("changed_by")
    return render(
        request,
        "accounts/profile.html",
        {
            "form": form,
            "licenses": License.objects.filter(holder=request.user).on_file().by_state(),
            "name_changes": changes.order_by("-changed_at", "-pk"),
            "today": timezone.localdate(),
            "section": "profile",
        },
        status=422 if form.errors else 200,
    )


@require_safe
def reads(request: SignedInRequest) -> HttpResponse:
    """Who has looked at my record: a line for each day, reader and thing."""
    mine = RecordRead.objects.filter(person=request.user)
    lines = mine.by_day(zone=timezone.get_current_timezone())
    page = Paginator(lines, READS_ON_A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "accounts/reads.html",
        {"page": page, "looks": trace.looks(page.object_list), "section": "profile"},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def mail_preferences(request: SignedInRequest) -> HttpResponse:
    """Which mail I want; what comes in any case, and why."""
    optional = [kind.slug for kind in KINDS.values() if kind.is_optional]
    if request.method == "POST":
        chosen = {slug for slug in optional if slug in request.POST}
        mail.choose(person=request.user, kinds=chosen, at=timezone.now())
        messages.success(request, "Your choice of mail is saved.")
        return redirect("accounts:mail_preferences")
    unwanted = mail.unwanted(request.user)
    form = MailPreferencesForm(initial={slug: slug not in unwanted for slug in optional})
    context = {"form": form, "kinds": KINDS.values(), "section": "profile"}
    return render(request, "accounts/mail_preferences.html", context)


# The token is the permission: mail programs post here by themselves, without a cookie (RFC 8058).
@login_not_required
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop_mail_kind(request: HttpRequest, token: str) -> HttpResponse:
    """One button that turns a kind of mail off; looking at the page turns nothing off."""
    try:
        found = mail.of_token(token)
    except BadSignature:
        raise Http404 from None
    person, kind = found or (None, None)
    if request.method == "POST":
        if person and kind:
            mail.opt_out(person=person, kind=kind.slug, at=timezone.now())
        if request.POST.get("List-Unsubscribe") == "One-Click":
            return HttpResponse("The mail is stopped.", content_type="text/plain")
        return redirect("accounts:stop_mail_kind", token)
    context = {
        "kind": kind,
        "is_wanted": bool(person and kind and mail.wants(person=person, kind=kind.slug)),
    }
    return render(request, "accounts/stop_mail_kind.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required(allow_get=True)
def licenses(request: SignedInRequest) -> HttpResponse:
    """The licenses on file, and one more."""
    form = LicenseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            added = license_story.add(holder=request.user, at=timezone.now(), **form.cleaned_data)
        except license_story.LicenseError as error:
            form.add_error("number", str(error))
        else:
            messages.success(request, f"{added} is on your profile.")
            return redirect("accounts:licenses")
    held = License.objects.filter(holder=request.user).by_state()
    return render(
        request,
        "accounts/licenses.html",
        {
            "form": form,
            "licenses": held.on_file(),
            "removed": held.filter(removed_at__isnull=False),
            "today": timezone.localdate(),
            "section": "profile",
        },
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required(allow_get=True)
def license_page(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """One license: what it says now, to be corrected, and what it said before."""
    license_ = get_object_or_404(License, pk=pk, holder=request.user)
    facts = {name: getattr(license_, name) for name in license_story.FACTS}
    form = LicenseForm(request.POST if request.method == "POST" else None, initial=facts)
    if request.method == "POST" and form.is_valid():
        try:
            license_story.correct(
                license_=license_, by=request.user, at=timezone.now(), **form.cleaned_data
            )
        except license_story.LicenseError as error:
            form.add_error("number", str(error))
        else:
            messages.success(request, "Your license is saved.")
            return redirect("accounts:licenses")
    return render(
        request,
        "accounts/license.html",
        {
            "form": form,
            "license": license_,
            "versions": license_.versions.order_by("-recorded_at", "-pk"),
            "section": "profile",
        },
        status=422 if form.errors else 200,
    )


@require_POST
@reauthentication_required
def remove_license(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    license_ = get_object_or_404(License, pk=pk, holder=request.user)
    license_story.remove(license_=license_, at=timezone.now())
    messages.success(
        request, f"{license_} is off your profile. Certificates issued before still name it."
    )
    return redirect("accounts:licenses")


# --- Supervision ---


@require_http_methods(["GET", "HEAD", "POST"])
def supervision_page(request: SignedInRequest) -> HttpResponse:
    """Who reads my record and whose I read, what waits, and an invitation in either direction."""
    now = timezone.now()
    inviting = None
    if request.method == "POST":
        inviting = Side.TRAINEE if request.POST.get("as") == Side.TRAINEE else Side.SUPERVISOR
    forms = {
        Side.SUPERVISOR: TraineeInvitationForm(
            request.POST if inviting == Side.SUPERVISOR else None,
            prefix="trainee",
            initial={"scopes": [Scope.CREDIT]},
        ),
        Side.TRAINEE: InvitationForm(
            request.POST if inviting == Side.TRAINEE else None, prefix="supervisor"
        ),
    }
    form = forms[inviting] if inviting else None
    if form is not None and inviting and form.is_valid():
        try:
            invitations.invite(
                inviter=request.user, inviter_is=inviting, at=now, **form.cleaned_data
            )
        except supervision_story.SupervisionError as error:
            form.add_error("email", str(error))
        else:
            # The same words whether or not the address has an account.
            messages.success(
                request,
                f"Your invitation is on its way to {form.cleaned_data['email']}. "
                f"It waits {Invitation.DAYS} days for an answer.",
            )
            return redirect("accounts:supervision")
    given = Supervision.objects.filter(supervisor=request.user).select_related("trainee")
    received = Supervision.objects.filter(trainee=request.user).select_related("supervisor")
    received = received.with_confirmation(at=now)
    return render(
        request,
        "accounts/supervision.html",
        {
            "now": now,
            "trainee_form": forms[Side.SUPERVISOR],
            "supervisor_form": forms[Side.TRAINEE],
            "has_errors": bool(form and form.errors),
            "trainees": given.open(at=now).newest_first(),
            "supervisors": received.open(at=now).newest_first(),
            "over": received.over(at=now).newest_first(),
            "requests": Invitation.objects.waiting(at=now)
            .to(request.user)
            .select_related("inviter")
            .newest_first(),
            "sent": Invitation.objects.open().filter(inviter=request.user).newest_first(),
            "may_supervise": supervision_story.may_supervise(request.user, at=now),
            "section": "supervision",
        },
        status=422 if form and form.errors else 200,
    )


# The token of the mail is what opens it: who was invited may have no account yet.
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What one is invited to. Whoever verified the address accepts here, and consents to what."""
    now = timezone.now()
    found = get_object_or_404(Invitation.objects.select_related("inviter"), token=token)
    user = request.user if request.user.is_authenticated else None
    if user is None or not invitations.is_to(user, invitation=found):
        if request.method == "POST":
            raise Http404
        if user == found.inviter:
            return redirect("accounts:supervision")
        return _invitation_page(request, found, at=now)
    if not found.is_waiting(now):
        return _invitation_page(request, found, at=now)
    form = None
    if found.inviter_supervises:
        asked = {"begins_on": found.begins_on, "ends_on": found.ends_on}
        form = ConsentForm(request.POST if request.method == "POST" else None, initial=asked)
    refusal = ""
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            invitations.accept(
                invitation=found, by=user, at=now, **(form.cleaned_data if form else {})
            )
        except supervision_story.SupervisionError as error:
            refusal = str(error)
        else:
            messages.success(request, _accepted(found))
            return redirect("accounts:supervision")
    return _invitation_page(
        request,
        found,
        at=now,
        form=form,
        refusal=refusal,
        is_mine=True,
        may_supervise=supervision_story.may_supervise(
            found.inviter if found.inviter_supervises else user, at=now
        ),
        is_circle=Supervision.objects.open(at=now)
        .filter(
            supervisor=user if found.inviter_supervises else found.inviter,
            trainee=found.inviter if found.inviter_supervises else user,
        )
        .exists(),
    )


def _invitation_page(
    request: HttpRequest, found: Invitation, *, at: datetime, **more: Any
) -> HttpResponse:
    form = more.get("form")
    status = 200
    if (form is not None and form.errors) or more.get("refusal"):
        status = 422
    elif not found.is_waiting(at):
        status = 410
    context = {
        "invitation": found,
        "is_waiting": found.is_waiting(at) and found.inviter.is_active,
        "state": found.state(at=at),
        "section": "supervision",
        **more,
    }
    return render(request, "accounts/invitation.html", context, status=status)


def _accepted(found: Invitation) -> str:
    name = found.inviter.legal_name
    if found.inviter_supervises:
        return f"You consented. You can change what {name} reads, or end it, at any time."
    return f"You accepted. What {name} shares with you is on their page, from the first day on."


@login_not_required
@never_cache
@require_POST
def decline_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever reads the address may say no, without an account."""
    found = get_object_or_404(Invitation, token=token)
    user = request.user if request.user.is_authenticated else None
    if user == found.inviter:
        raise Http404
    try:
        invitations.decline(invitation=found, at=timezone.now())
    except supervision_story.SupervisionError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Declined. Nothing was shown.")
    if user:
        return redirect("accounts:supervision")
    return redirect("accounts:invitation", token)


@require_POST
def withdraw_invitation(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    mine = get_object_or_404(Invitation, pk=pk, inviter=request.user)
    try:
        invitations.withdraw(invitation=mine, at=timezone.now())
    except supervision_story.SupervisionError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Your invitation to {mine.email} is withdrawn.")
    return redirect("accounts:supervision")


@require_POST
def send_invitation_again(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    mine = get_object_or_404(Invitation, pk=pk, inviter=request.user)
    try:
        invitations.send_again(invitation=mine, at=timezone.now())
    except supervision_story.SupervisionError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Your invitation to {mine.email} is mailed once more.")
    return redirect("accounts:supervision")


@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """What one supervisor of mine reads, to be changed; and each consent since the first."""
    now = timezone.now()
    mine = Supervision.objects.filter(trainee=request.user).with_confirmation(at=now)
    supervision = get_object_or_404(mine.select_related("supervisor", "trainee"), pk=pk)
    kept = {
        "scopes": supervision.scopes,
        "ends_on": supervision_story.last_day(supervision),
    }
    form = ConsentChangeForm(request.POST if request.method == "POST" else None, initial=kept)
    if request.method == "POST" and form.is_valid():
        try:
            supervision_story.change(supervision=supervision, at=now, **form.cleaned_data)
        except supervision_story.SupervisionError as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request, f"From now on {supervision.supervisor.legal_name} reads just this."
            )
            return redirect("accounts:consent", supervision.pk)
    return render(
        request,
        "accounts/consent.html",
        {
            "now": now,
            "form": form,
            "supervision": supervision,
            "is_over": supervision.is_over(now),
            "history": supervision.consents.select_related("recorded_by").order_by("-pk"),
            "section": "supervision",
        },
        status=422 if form.errors else 200,
    )


@require_POST
def end(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    supervision = get_object_or_404(Supervision.objects.of(request.user), pk=pk)
    supervision_story.end(supervision=supervision, by=request.user, at=timezone.now())
    messages.success(request, "The supervision has ended.")
    return redirect("accounts:supervision")

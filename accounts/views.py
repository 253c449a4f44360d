"""Profile, mail, licenses, supervision."""

from __future__ import annotations

import uuid

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

from accounts import licenses as license_story
from accounts import mail, people, trace
from accounts import supervision as supervision_story
from accounts.forms import LicenseForm, MailPreferencesForm, ProfileForm, SupervisionRequestForm
from accounts.mail_kinds import KINDS
from accounts.models import License, NameChange, RecordRead, Supervision
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


@require_http_methods(["GET", "HEAD", "POST"])
def supervision_page(request: SignedInRequest) -> HttpResponse:
    """Whom I supervise, who supervises me, and a request for a new trainee."""
    form = SupervisionRequestForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            supervision_story.request(
                supervisor=request.user, email=form.cleaned_data["email"], at=timezone.now()
            )
        except supervision_story.SupervisionError as error:
            form.add_error("email", str(error))
        else:
            # The same words whether or not the address has an account.
            messages.success(
                request,
                "If this address has an account, its owner will see your request. "
                "You can read their record once they accept.",
            )
            return redirect("accounts:supervision")
    now = timezone.now()
    given = Supervision.objects.filter(supervisor=request.user).select_related("trainee")
    received = Supervision.objects.filter(trainee=request.user).select_related("supervisor")
    return render(
        request,
        "accounts/supervision.html",
        {
            "form": form,
            "trainees": given.active(at=now).newest_first(),
            "supervisors": received.active(at=now).newest_first(),
            "requests": received.waiting().newest_first(),
            "section": "supervision",
        },
        status=422 if form.errors else 200,
    )


@require_POST
def accept(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    supervision = get_object_or_404(
        Supervision.objects.select_related("supervisor"), pk=pk, trainee=request.user
    )
    try:
        supervision_story.accept(supervision=supervision, at=timezone.now())
    except supervision_story.SupervisionError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            f"{supervision.supervisor.legal_name} can now read your credit and certificates. "
            "You can end this at any time.",
        )
    return redirect("accounts:supervision")


@require_POST
def decline(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    supervision = get_object_or_404(Supervision, pk=pk, trainee=request.user)
    try:
        supervision_story.decline(supervision=supervision, at=timezone.now())
    except supervision_story.SupervisionError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Declined. Nothing of your record was shown.")
    return redirect("accounts:supervision")


@require_POST
def end(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    # Only what was accepted: a supervisor who could end a waiting request would learn from the
    # answer that it arrived, so that the address has an account.
    accepted = Supervision.objects.of(request.user).filter(accepted_at__isnull=False)
    supervision = get_object_or_404(accepted, pk=pk)
    supervision_story.end(supervision=supervision, by=request.user, at=timezone.now())
    messages.success(request, "The supervision has ended.")
    return redirect("accounts:supervision")

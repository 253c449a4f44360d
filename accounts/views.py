"""Profile, mail, licenses, supervision."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from accounts import licenses as license_story
from accounts import mail
from accounts import supervision as supervision_story
from accounts.forms import LicenseForm, MailPreferencesForm, ProfileForm, SupervisionRequestForm
from accounts.mail_kinds import KINDS
from accounts.models import License, Supervision
from accounts.requests import SignedInRequest


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    """Name, time zone, and the licenses on file."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("accounts:profile")
    if form.errors:
        request.user.refresh_from_db()
    return render(
        request,
        "accounts/profile.html",
        {
            "form": form,
            "licenses": License.objects.filter(holder=request.user).by_state(),
            "section": "profile",
        },
        status=422 if form.errors else 200,
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
def licenses(request: SignedInRequest) -> HttpResponse:
    """The licenses on file, and one more."""
    form = LicenseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = license_story.add(
                holder=request.user,
                state=form.cleaned_data["state"],
                license_type=form.cleaned_data["license_type"],
                number=form.cleaned_data["number"],
                at=timezone.now(),
            )
        except license_story.LicenseError as error:
            form.add_error("number", str(error))
        else:
            messages.success(request, f"{added} is on your profile.")
            return redirect("accounts:licenses")
    return render(
        request,
        "accounts/licenses.html",
        {
            "form": form,
            "licenses": License.objects.filter(holder=request.user).by_state(),
            "section": "profile",
        },
        status=422 if form.errors else 200,
    )


@require_POST
def remove_license(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    license_ = get_object_or_404(License, pk=pk, holder=request.user)
    license_story.remove(license_=license_)
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

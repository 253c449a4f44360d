"""One's own data as a file, and closing one's account."""

from __future__ import annotations

import logging
import uuid

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from courses import closing, data_requests
from courses.forms import CloseAccountForm
from courses.models import DataExport

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def personal_data(request: SignedInRequest) -> HttpResponse:
    """The file of one's own data: not asked for, being made, or there to be fetched."""
    mine = DataExport.objects.visible_to(request.user)
    export = mine.order_by("-asked_at").first()
    return render(
        request,
        "courses/personal_data.html",
        {
            "export": export,
            "is_to_be_had": bool(
                export
                and export.expires_at
                and export.state == DataExport.State.READY
                and export.expires_at > timezone.now()
            ),
            "section": "profile",
        },
    )


@require_POST
@reauthentication_required
def ask_for_data(request: SignedInRequest) -> HttpResponse:
    data_requests.ask(person=request.user, at=timezone.now())
    messages.success(request, "Your data is being put together. A mail tells you when it is ready.")
    return redirect("courses:personal_data")


@never_cache
@require_safe
@reauthentication_required
def data_file(request: SignedInRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The file itself, for its person alone, for a week."""
    to_be_had = DataExport.objects.visible_to(request.user).to_be_had(at=timezone.now())
    export = get_object_or_404(to_be_had, pk=pk)
    try:
        file = export.file.open("rb")
    except FileNotFoundError:
        logger.exception("The file of data export %s is gone.", export.pk)
        messages.error(request, "The file is gone. Ask for it anew.")
        return redirect("courses:personal_data")
    return FileResponse(
        file, as_attachment=True, content_type="application/zip", filename="my-ce-portal-data.zip"
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required
def close_account(request: SignedInRequest) -> HttpResponse:
    """What stays, what goes and what ends; and the form that does it, at once."""
    form = CloseAccountForm(request.POST if request.method == "POST" else None, person=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            closing.close(person=request.user, at=timezone.now())
        except closing.ClosingError as error:
            form.add_error(None, str(error))
        else:
            logout(request)
            messages.success(request, "Your account is closed. Your certificates stay valid.")
            return redirect("home")
    return render(
        request,
        "courses/close_account.html",
        {"form": form, "section": "profile"},
        status=422 if form.errors else 200,
    )

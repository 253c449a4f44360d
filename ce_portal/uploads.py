"""Files that people send: how large one may be is asked while it arrives, not afterwards."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect

View = Callable[..., HttpResponseBase]


class LimitedUploadHandler(TemporaryFileUploadHandler):
    """Keeps a file on disk while it arrives, and drops it at the byte that is one too many.

    The rest of it is read and forgotten, so that what else the form says is not lost.
    """

    def __init__(self, request: HttpRequest, *, limit: int) -> None:
        super().__init__(request)
        self.limit = limit
        self.has_dropped = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > self.limit:
            self.has_dropped = True
            raise SkipFile
        super().receive_data_chunk(raw_data, start)


def limit_uploads(limit: Callable[[], int]) -> Callable[[View], View]:
    """The view takes no file of more than so many bytes; ``has_dropped_a_file`` tells.

    The check against forged requests reads the form, so it must come after the limit is set, and
    moves from the middleware to here.
    """

    def decorate(view: View) -> View:
        protected = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            request.upload_handlers = [LimitedUploadHandler(request, limit=limit())]
            return protected(request, *args, **kwargs)

        return limited

    return decorate


def has_dropped_a_file(request: HttpRequest) -> bool:
    """Was a file of this request larger than its view takes?"""
    return any(getattr(handler, "has_dropped", False) for handler in request.upload_handlers)

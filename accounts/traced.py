"""The admin of what is people's: whoever is shown a list or a page of it leaves a trace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin

from accounts import trace
from accounts.models import RecordRead, User


class TracedAdmin(ModelAdmin):
    """An admin whose rows are of people, or show people.

    ``people`` names the ways from a row to those whose record it is, such as ``entry__holder``;
    where only pages show people, not lists, it is empty and ``people_of`` finds them.
    A page of its own calls ``leave_trace`` with the rows that it shows.
    """

    people: ClassVar[tuple[str, ...]] = ()

    @property
    def lists_people(self) -> bool:
        return bool(self.people)

    def people_of(self, row: Any) -> Iterable[User]:
        """Whose record a page of this row shows."""
        for way in self.people:
            person = row
            for step in way.split("__"):
                person = getattr(person, step)
            if person is not None:
                yield person

    def leave_trace(
        self,
        request: HttpRequest,
        rows: Iterable[Any],
        *,
        what: RecordRead.What = RecordRead.What.ADMIN,
    ) -> None:
        trace.record_many(
            reader=request.user,
            people=[person for row in rows for person in self.people_of(row)],
            what=what,
            detail=str(self.opts.verbose_name).capitalize(),
            at=timezone.now(),
            capacity=RecordRead.Capacity.STAFF,
        )

    def get_list_select_related(self, request: HttpRequest) -> Any:
        return [*(super().get_list_select_related(request) or ()), *self.people]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        shown = (getattr(response, "context_data", None) or {}).get("cl")
        if shown is not None and self.lists_people:
            # The same rows that the template goes through, asked for once.
            self.leave_trace(request, shown.result_list, what=RecordRead.What.ADMIN_LIST)
        return response

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if (row := context.get("original")) is not None:
            self.leave_trace(request, [row])
        return super().render_change_form(request, context, *args, **kwargs)

    def render_delete_form(self, request: HttpRequest, context: Any) -> HttpResponse:
        self.leave_trace(request, [context["object"]])
        return super().render_delete_form(request, context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        response = super().history_view(request, object_id, extra_context)
        if (row := (getattr(response, "context_data", None) or {}).get("object")) is not None:
            self.leave_trace(request, [row])
        return response


class TracedChoices(AutocompleteJsonView):
    """What a field offers while somebody types. Where it lists people, that is a list of them."""

    def get_queryset(self) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset()
        return found.select_related(*self._people) if self._people else found

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        if isinstance(self.model_admin, TracedAdmin) and self.model_admin.lists_people:
            # The same rows that the answer goes through, asked for once.
            self.model_admin.leave_trace(
                self.request, context["object_list"], what=RecordRead.What.ADMIN_LIST
            )
        return context

    @property
    def _people(self) -> tuple[str, ...]:
        return getattr(self.model_admin, "people", ())

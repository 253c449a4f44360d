"""How every form looks.

``{{ form }}`` renders ``django/forms/div.html``, ``{{ field.as_field_group }}`` renders
``django/forms/field.html`` and ``{{ field.control }}`` the bare control; all three are in our
design, for allauth's forms too. A plain ``{{ field }}`` stays Django's, which the admin uses.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting
from django.utils.safestring import SafeString

# allauth's words, and ours.
HOUSE_LABELS = {
    "Email": "E-mail",
    "Remember Me": "Keep me signed in on this device",
    "Current Password": "Current password",
    "New Password": "New password",
    "New Password (again)": "New password (again)",
    "Authenticator code": "Code from the app",
}


# "This field is required." says what is wrong; these say what to do.
REQUIRED_TEXTS = {
    "check": "Check this box to go on.",
    "choices": "Choose an answer.",
    "select": "Choose one.",
}


class PortalBoundField(BoundField):
    """A bound field that knows which kind of control it is and can render it in our design."""

    def __init__(self, form: forms.BaseForm, field: forms.Field, name: str) -> None:
        super().__init__(form, field, name)
        self.label = HOUSE_LABELS.get(str(self.label), self.label)

    @property
    def kind(self) -> str:
        """One of "check", "choices", "group", "select" and "input"."""
        widget = self.field.widget
        # CheckboxSelectMultiple is a RadioSelect, RadioSelect is a Select: the order matters.
        if isinstance(widget, forms.CheckboxInput):
            return "check"
        if isinstance(widget, forms.RadioSelect):
            return "choices"
        if widget.use_fieldset:
            return "group"
        if isinstance(widget, forms.Select):
            return "select"
        return "input"

    @property
    def is_marked_optional(self) -> bool:
        """A form of nothing but wishes, like a filter, says ``mark_optional = False``."""
        return not self.field.required and getattr(self.form, "mark_optional", True)

    @property
    def first_id(self) -> str:
        """Where a link to this field leads: the first control that can take focus."""
        return self.id_for_label or f"{self.auto_id}_0"

    @property
    def error_texts(self) -> list[str]:
        """What to do about this field. A required text that the form chose itself stays."""
        texts = []
        for error in self.errors.as_data():
            text = " ".join(str(message) for message in error.messages)
            if error.code == "required" and text == forms.Field.default_error_messages["required"]:
                text = REQUIRED_TEXTS.get(self.kind, "Fill this in.")
            texts.append(text)
        return texts

    @property
    def control(self) -> SafeString:
        """The control alone, with the classes of our design and without a placeholder label."""
        if self.kind == "check":
            css = "form-check-input"
        elif self.kind == "select" or isinstance(self.field.widget, forms.SelectDateWidget):
            css = "form-select"
        else:
            css = "form-control"
        own_attrs = self.field.widget.attrs
        classes = [own_attrs.get("class", ""), css, "is-invalid" if self.errors else ""]
        attrs: dict[str, Any] = {"class": " ".join(filter(None, classes))}
        if "autocomplete" in own_attrs and "placeholder" in own_attrs:
            # allauth repeats the label as a placeholder; the label above the control is enough.
            attrs["placeholder"] = False
        if self.kind == "group" and "aria-label" not in own_attrs:
            # The legend names the group; each of its controls needs a name of its own.
            attrs["aria-label"] = self.label
        if self.form.is_bound and "data-detect-time-zone" in own_attrs:
            # What is selected now was sent: the browser must not replace it by its guess.
            attrs["data-detect-time-zone"] = False
        return self.as_widget(attrs=attrs)


class PortalFormRenderer(TemplatesSetting):
    """Django's own form rendering, with our templates first (``templates/django/forms/``)."""

    bound_field_class = PortalBoundField

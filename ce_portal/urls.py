"""One line per app; what is public and stable is listed in the README."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from ce_portal import views

# One door: the admin signs in through allauth, with its limits and checks.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("courses.home_urls")),
    path("", include("courses.site_urls")),
    path("", include("courses.urls")),
    path("", include("transcripts.urls")),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("appearance/", views.appearance, name="appearance"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]

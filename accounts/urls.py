from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("profile/mail/", views.mail_preferences, name="mail_preferences"),
    path("profile/reads/", views.reads, name="reads"),
    path("mail/stop/<str:token>/", views.stop_mail_kind, name="stop_mail_kind"),
    path("licenses/", views.licenses, name="licenses"),
    path("licenses/<uuid:pk>/", views.license_page, name="license"),
    path("licenses/<uuid:pk>/remove/", views.remove_license, name="remove_license"),
    path("supervision/people/", views.supervision_page, name="supervision"),
    path("supervision/people/<uuid:pk>/", views.consent, name="consent"),
    path("supervision/people/<uuid:pk>/end/", views.end, name="end_supervision"),
    path("supervision/invitations/<str:token>/", views.invitation, name="invitation"),
    path(
        "supervision/invitations/<str:token>/decline/",
        views.decline_invitation,
        name="decline_invitation",
    ),
    path(
        "supervision/invitations/<uuid:pk>/withdraw/",
        views.withdraw_invitation,
        name="withdraw_invitation",
    ),
    path(
        "supervision/invitations/<uuid:pk>/send-again/",
        views.send_invitation_again,
        name="send_invitation_again",
    ),
]

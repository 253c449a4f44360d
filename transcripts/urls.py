from django.urls import path

from transcripts import views

app_name = "transcripts"

urlpatterns = [
    path("transcript/", views.transcript, name="transcript"),
    path("transcript/export.csv", views.export_csv, name="export_csv"),
    path("certificates/<str:code>.pdf", views.certificate_pdf, name="certificate_pdf"),
    path("certificates/<str:code>/link/", views.certificate_link, name="certificate_link"),
    path("certificates/<str:code>/note/", views.reflection, name="reflection"),
    path("supervision/<uuid:person_id>/", views.trainee, name="trainee"),
    path("supervision/<uuid:person_id>/export.csv", views.trainee_csv, name="trainee_csv"),
]

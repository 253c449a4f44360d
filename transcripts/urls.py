from django.urls import path

from transcripts import views

app_name = "transcripts"

urlpatterns = [
    path("transcript/", views.transcript, name="transcript"),
    path("transcript/export.csv", views.export_csv, name="export_csv"),
    path("transcript/export.json", views.export_json, name="export_json"),
    path("transcript/export.pdf", views.export_pdf, name="export_pdf"),
    path("transcript/reviews/", views.own_reviews, name="reviews"),
    path("transcript/reviews/<uuid:pk>/", views.review, name="review"),
    path("transcript/reviews/<uuid:pk>.pdf", views.review_pdf, name="review_pdf"),
    path("transcript/notes/<uuid:pk>/answer/", views.answer_note, name="answer_note"),
    path("transcript/certificates.zip", views.certificates_zip, name="certificates_zip"),
    path("transcript/outside/<uuid:pk>/", views.outside, name="outside"),
    path("transcript/outside/<uuid:pk>/withdraw/", views.withdraw_outside, name="withdraw_outside"),
    path("transcript/outside/<uuid:pk>/evidence/", views.evidence, name="evidence"),
    path(
        "transcript/outside/<uuid:pk>/preview.jpg", views.evidence_preview, name="evidence_preview"
    ),
    path("certificates/<str:code>.pdf", views.certificate_pdf, name="certificate_pdf"),
    path("certificates/<str:code>/link/", views.certificate_link, name="certificate_link"),
    path("certificates/<str:code>/note/", views.reflection, name="reflection"),
    path(
        "certificates/<str:code>/correction/", views.correction_request, name="correction_request"
    ),
    path("practice/", views.practice, name="practice"),
    path("practice/export.csv", views.practice_csv, name="practice_csv"),
    path("practice/<uuid:key>/take-back/", views.reverse_practice, name="reverse_practice"),
    path("verify/", views.verify, name="verify"),
    path("verify/file/", views.check_file, name="check_file"),
    path("verify/issuer.json", views.issuer, name="issuer"),
    path("verify/keys/<str:kid>.json", views.public_key, name="public_key"),
    path("verify/certificates.pem", views.public_certificates, name="public_certificates"),
    path("verify/<str:code>/", views.verification, name="verification"),
    path(".well-known/jwks.json", views.public_keys, name="public_keys"),
    path("supervision/<uuid:person_id>/", views.trainee, name="trainee"),
    path("supervision/<uuid:person_id>/sign-off/", views.sign_off, name="sign_off"),
    path("supervision/<uuid:person_id>/notes/", views.add_note, name="add_note"),
    path(
        "supervision/<uuid:person_id>/next-review/",
        views.choose_review_day,
        name="choose_review_day",
    ),
    path("supervision/<uuid:person_id>/practice/", views.trainee_practice, name="trainee_practice"),
    path(
        "supervision/<uuid:person_id>/practice/export.csv",
        views.trainee_practice_csv,
        name="trainee_practice_csv",
    ),
    path("supervision/<uuid:person_id>/export.csv", views.trainee_csv, name="trainee_csv"),
    path("supervision/<uuid:person_id>/export.json", views.trainee_json, name="trainee_json"),
    path("supervision/<uuid:person_id>/export.pdf", views.trainee_pdf, name="trainee_pdf"),
    path("supervision/<uuid:person_id>/certificates.zip", views.trainee_zip, name="trainee_zip"),
]

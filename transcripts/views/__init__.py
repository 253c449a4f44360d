"""The door for the browser, one module for each area."""

from transcripts.views.corrections import correction_request
from transcripts.views.credit import (
    certificate_link,
    certificate_pdf,
    certificates_zip,
    export_csv,
    export_json,
    export_pdf,
    trainee_csv,
    trainee_json,
    trainee_pdf,
    trainee_zip,
    transcript,
)
from transcripts.views.outside import evidence, evidence_preview, outside, withdraw_outside
from transcripts.views.practice import (
    practice,
    practice_csv,
    reverse_practice,
    trainee_practice,
    trainee_practice_csv,
)
from transcripts.views.reflections import reflection
from transcripts.views.reviews import (
    add_note,
    answer_note,
    choose_review_day,
    own_reviews,
    review,
    review_pdf,
    sign_off,
    trainee,
)
from transcripts.views.verify import (
    check_file,
    issuer,
    public_certificates,
    public_key,
    public_keys,
    verification,
    verify,
)

__all__ = [
    "add_note",
    "answer_note",
    "certificate_link",
    "certificate_pdf",
    "certificates_zip",
    "check_file",
    "choose_review_day",
    "correction_request",
    "evidence",
    "evidence_preview",
    "export_csv",
    "export_json",
    "export_pdf",
    "issuer",
    "outside",
    "own_reviews",
    "practice",
    "practice_csv",
    "public_certificates",
    "public_key",
    "public_keys",
    "reflection",
    "reverse_practice",
    "review",
    "review_pdf",
    "sign_off",
    "trainee",
    "trainee_csv",
    "trainee_json",
    "trainee_pdf",
    "trainee_practice",
    "trainee_practice_csv",
    "trainee_zip",
    "transcript",
    "verification",
    "verify",
    "withdraw_outside",
]

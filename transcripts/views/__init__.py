"""The door for the browser, one module for each area."""

from transcripts.views.corrections import correction_request
from transcripts.views.credit import (
    certificate_link,
    certificate_pdf,
    certificates_zip,
    export_csv,
    export_json,
    export_pdf,
    trainee,
    trainee_csv,
    trainee_zip,
    transcript,
)
from transcripts.views.outside import evidence, evidence_preview, outside, withdraw_outside
from transcripts.views.reflections import reflection
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
    "certificate_link",
    "certificate_pdf",
    "certificates_zip",
    "check_file",
    "correction_request",
    "evidence",
    "evidence_preview",
    "export_csv",
    "export_json",
    "export_pdf",
    "issuer",
    "outside",
    "public_certificates",
    "public_key",
    "public_keys",
    "reflection",
    "trainee",
    "trainee_csv",
    "trainee_zip",
    "transcript",
    "verification",
    "verify",
    "withdraw_outside",
]

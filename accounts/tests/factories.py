"""The smallest valid people, licenses, supervisions and mails."""

from datetime import UTC, datetime

import factory
from allauth.account.models import EmailAddress

from accounts.models import Consent, Invitation, License, OutgoingMail, Supervision, User

PASSWORD = "a long enough one"
LONG_AGO = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class UserFactory(factory.django.DjangoModelFactory):
    """A person who can sign in, with a verified address."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    legal_name = factory.Sequence(lambda n: f"Person Number {n}")

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        password = kwargs.pop("password", PASSWORD)
        user = model_class.objects.create_user(*args, password=password, **kwargs)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user


class LicenseFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = License

    holder = factory.SubFactory(UserFactory)
    state = "NY"
    license_type = "LCSW"
    number = factory.Sequence(lambda n: f"{n:06}")
    added_at = LONG_AGO


class SupervisionFactory(factory.django.DjangoModelFactory):
    """An active supervision: consented to and begun, not ended."""

    class Meta:
        model = Supervision

    supervisor = factory.SubFactory(UserFactory)
    trainee = factory.SubFactory(UserFactory)
    accepted_at = LONG_AGO
    begins_at = factory.SelfAttribute("accepted_at")
    shares_credit = True
    shares_reflections = True

    class Params:
        future = factory.Trait(begins_at=datetime(2096, 1, 5, 9, 0, tzinfo=UTC))
        ended = factory.Trait(
            ended_at=datetime(2026, 2, 1, tzinfo=UTC), ended_by=factory.SelfAttribute("trainee")
        )


class ConsentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Consent

    supervision = factory.SubFactory(SupervisionFactory)
    what = "given"
    shares_credit = True
    begins_at = LONG_AGO
    recorded_by = factory.SelfAttribute("supervision.trainee")
    recorded_at = LONG_AGO


class InvitationFactory(factory.django.DjangoModelFactory):
    """A supervisor's invitation of a trainee, waiting for an answer for a long time yet."""

    class Meta:
        model = Invitation

    inviter = factory.SubFactory(UserFactory)
    inviter_is = "supervisor"
    email = factory.Sequence(lambda n: f"invited{n}@example.com")
    shares_credit = True
    invited_at = LONG_AGO
    mailed_at = LONG_AGO
    expires_at = datetime(2096, 1, 5, 9, 0, tzinfo=UTC)

    class Params:
        declined = factory.Trait(declined_at=LONG_AGO)
        withdrawn = factory.Trait(withdrawn_at=LONG_AGO)
        expired = factory.Trait(expires_at=LONG_AGO)


class OutgoingMailFactory(factory.django.DjangoModelFactory):
    """A mail that is promised and not sent."""

    class Meta:
        model = OutgoingMail

    recipient = factory.SubFactory(UserFactory)
    kind = "session-cancelled"
    key = factory.Sequence(lambda n: f"session-cancelled:{n}")
    subject = "Your session is canceled"
    body = "Your session is canceled.\n"
    created_at = LONG_AGO
    next_attempt_at = LONG_AGO

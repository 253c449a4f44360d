"""Who may correct whose credit."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group

from accounts.tests.factories import SupervisionFactory, UserFactory
from transcripts.permissions import can_correct_credit, can_reverse_credit
from transcripts.tests.factories import CreditEntryFactory

pytestmark = pytest.mark.django_db


def test_curators_correct_the_credit_of_others_and_nobody_their_own():
    entry = CreditEntryFactory()
    curator = UserFactory(is_staff=True)
    curator.groups.add(Group.objects.get(name="Curators"))
    superuser = UserFactory(is_staff=True, is_superuser=True)
    people = {
        "curator": curator,
        "superuser": superuser,
        "holder": entry.holder,
        "supervisor": SupervisionFactory(trainee=entry.holder).supervisor,
        "staff without the permission": UserFactory(is_staff=True),
        "stranger": AnonymousUser(),
    }

    may = {who: can_reverse_credit(person, entry) for who, person in people.items()}
    own = {
        who: can_reverse_credit(person, CreditEntryFactory(holder=person))
        for who, person in people.items()
        if who in {"curator", "superuser"}
    }

    assert may == {
        "curator": True,
        "superuser": True,
        "holder": False,
        "supervisor": False,
        "staff without the permission": False,
        "stranger": False,
    }
    assert own == {"curator": False, "superuser": False}
    assert can_correct_credit(curator)

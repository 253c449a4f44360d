"""Words: what a text becomes, what a visitor typed, and what is marked."""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from django.utils.safestring import SafeString
from hypothesis import given, settings
from hypothesis import strategies as st

from courses import words
from courses.words import NOTHING, Group, Query, highlight, lexemes, parse

LEXEME = re.compile(r"[a-z0-9]{1,64}")

HOSTILE = [
    "",
    " \t\r\n",
    "the of and",
    "a" * 5_000,
    "word " * 1_000,
    "-" * 5_000,
    '"' * 10_000,
    "'" * 5_000,
    "a'" * 5_000,
    "e\u0301" * 5_000,
    '-"' * 5_000,
    "a-" * 5_000,
    """% _ \\ ' " & | ! ( ) : * ; -- /* */ <script>alert("x")</script> {{ x }} $1 \\x""",
    "\x00",
    "a\x00b\x1fc\x85d",
    "\ud800 \udfff word\ud800word",
    "😀 👩‍👩‍👧 1️⃣ ❤️ cbt😀",
    "السلام عليكم ﷺ שָׁלוֹם",
    "认知行为疗法",
    "ısı İstanbul ß ﬁnance ǆ ŉ ½ ㎏ ⑴ Ⓐ ำ ͅ",
    "\u202eevil\u202c \ufeffbom",
]


def wanted(typed: str) -> list[tuple[str, ...]]:
    """What must be there, as typed, without its synonyms."""
    return [group.alternatives[0] for group in parse(typed).wanted]


def unwanted(typed: str) -> list[tuple[str, ...]]:
    return [group.alternatives[0] for group in parse(typed).unwanted]


# --- Text to lexemes --------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Ethics, ethical; ETHIC", ["ethic", "ethic", "ethic"]),
        ("Supervising the supervised", ["supervis", "supervis"]),
        ("trauma-informed and/or attachment_based", ["trauma", "inform", "attach", "base"]),
        ("LGBTQ+ 2SLGBTQ+", ["lgbtq", "2slgbtq"]),
        ("DSM-5-TR ICD10s", ["dsm", "5", "tr", "icd10s"]),
        ("CBT\x00DBT\x07ACT\x85EMDR", ["cbt", "dbt", "act", "emdr"]),
        ("Down syndrome", ["down", "syndrom"]),
        ("EMDR™ EMDR®", ["emdr", "emdr"]),
    ],
)
def test_a_text_becomes(text, expected):
    assert lexemes(text) == expected


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("client's client’s clients' CLIENT'S", "client client client client"),
        ("O'Brien O’Brien's", "obrien obrien"),
        ("Hawaiʻi Hawai'i", "hawaii hawaii"),
        ("'ethics' ''ethics''", "ethics ethics"),
        ("José JOSÉ Jose\u0301", "jose jose jose"),
        ("straße STRASSE", "strasse strasse"),
        ("ﬁnance", "finance"),
        ("Łukasz Søren Æsop Þór", "lukasz soren aesop thor"),
        ("İstanbul ISTANBUL ıstanbul", "istanbul istanbul istanbul"),
        ("ＣＢＴ 𝐂𝐁𝐓", "cbt cbt"),
        ("psycho\u00adtherapy", "psychotherapy"),
        ("1\ufe0f\u20e3", "1"),
    ],
)
def test_spellings_of_one_word_are_one_lexeme(text, same_as):
    assert lexemes(text) == lexemes(same_as)


@pytest.mark.parametrize(
    "text",
    [
        "it who I'm we'll they’ve he'd you're that's",
        "don't Don’t DONT can't won't isn't cannot",
        "a s t",
    ],
)
def test_stop_words_have_no_lexeme(text):
    assert lexemes(text) == []


def test_a_word_becomes_a_stop_word_only_as_it_is_written():
    assert lexemes("willing doings") == ["will", "do"]


def test_a_word_counts_up_to_forty_characters():
    assert lexemes("x" * 41 + " " + "ü" * 5_000) == ["x" * 40, "u" * 40]
    assert lexemes("x" * 39) != lexemes("x" * 40)
    assert lexemes("e" + "\u0301" * 5_000 + "x") == ["e"]


def test_words_of_other_scripts_are_spelled_in_ascii_and_tell_apart():
    hebrew, greek = lexemes("שלום"), lexemes("ΛΌΓΟΣ")

    assert hebrew == ["ud7a9d79cd795d79d"]
    assert greek == lexemes("λόγος")
    assert lexemes("שָׁלוֹם") == hebrew
    assert lexemes("हिन्दी") != lexemes("हन्द")
    assert lexemes("и" * 40) == ["u" + "d0b8" * 15 + "d0b"]


def test_words_keep_what_people_read():
    assert words.words("The CLIENT's Überträgung, don’t שלום") == [
        ("client", "client"),
        ("ubertragung", "ubertragung"),
        ("שלום", "ud7a9d79cd795d79d"),
    ]


def test_two_threads_do_not_mix_their_stems():
    """A stemmer keeps the word it works on; what it gives is kept, so a mix-up would last."""
    texts = [
        " ".join(f"{start}{middle}ationalizations" for middle in "bcdfghjklmnpqrstvwxz")
        for start in "bcdfghjklmnp"
    ]
    words._read.cache_clear()
    alone = [lexemes(text) for text in texts]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(max_workers=4) as pool:
            words._read.cache_clear()
            together = list(pool.map(lexemes, texts))
    finally:
        sys.setswitchinterval(interval)
        words._read.cache_clear()

    assert together == alone


# --- What was typed ---------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("grief rituals", [("grief",), ("ritual",)]),
        ("the grief of a child", [("grief",), ("child",)]),
        ("grief Grief GRIEVES grief’s", [("grief",), ("griev",)]),
        ('"informed consent"', [("inform", "consent")]),
        ("“informed consent”", [("inform", "consent")]),
        ("„informed consent“", [("inform", "consent")]),
        ("«informed consent»", [("inform", "consent")]),
        ('"the art of consent"', [("art", "consent")]),
        ('"grief"rituals"loss"', [("grief",), ("ritual",), ("loss",)]),
        ('"" " " "the" grief', [("grief",)]),
        ("attachment-based", [("attach", "base")]),
        ("attachment‑based", [("attach", "base")]),
        ("2020–2024", [("2020", "2024")]),
        ("grief OR loss", [("grief",), ("loss",)]),
        ("(grief|loss)&ritual*:!now", [("grief",), ("loss",), ("ritual",)]),
        ("grief\x00ritual", [("grief",), ("ritual",)]),
        ("grief/loss and/or ritual_work", [("grief",), ("loss",), ("ritual",), ("work",)]),
        ("grief -- loss - ritual--", [("grief",), ("loss",), ("ritual",)]),
        ("--grief", [("grief",)]),
        ("(-grief)", [("grief",)]),
    ],
)
def test_wanted_is(typed, expected):
    assert wanted(typed) == expected
    assert unwanted(typed) == []


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("-grief", [("grief",)]),
        ("\t-grief", [("grief",)]),
        ("\x00-grief", [("grief",)]),
        ("−grief", [("grief",)]),
        ("–grief", [("grief",)]),
        ('-"informed consent"', [("inform", "consent")]),
        ("-“informed consent”", [("inform", "consent")]),
        ("-attachment-based", [("attach", "base")]),
        ("-the -grief", [("grief",)]),
    ],
)
def test_unwanted_is(typed, expected):
    query = parse(typed)

    assert unwanted(typed) == expected
    assert query.wanted == ()
    assert query


@pytest.mark.parametrize(
    ("typed", "expected_wanted", "expected_unwanted"),
    [
        ('grief "informed consent', [("grief",), ("inform",), ("consent",)], []),
        ('grief" ritual', [("grief",), ("ritual",)], []),
        ('"grief ritual" "loss', [("grief", "ritual"), ("loss",)], []),
        ('-"grief ritual', [("ritual",)], [("grief",)]),
        ('grief -ritual -"of loss" art', [("grief",), ("art",)], [("ritual",), ("loss",)]),
    ],
)
def test_a_quotation_mark_without_its_second_is_passed_over(
    typed, expected_wanted, expected_unwanted
):
    assert (wanted(typed), unwanted(typed)) == (expected_wanted, expected_unwanted)


def test_a_group_shows_what_was_typed():
    query = parse("  Grief,  LGBTQ+ Family   Therapy “informed  consent” -Attachment–Based")

    assert [group.typed for group in query.wanted] == [
        "Grief",
        "LGBTQ",
        "Family Therapy",
        "“informed consent”",
    ]
    assert [group.typed for group in query.unwanted] == ["Attachment-Based"]
    assert parse('family "therapy').wanted[0].typed == "family therapy"
    assert parse("family\x00therapy").wanted[0].typed == "family therapy"


def test_only_a_quoted_group_is_a_phrase():
    query = parse('grief attachment-based "loss" family therapy')

    assert [group.is_phrase for group in query.wanted] == [False, False, True, False]


def test_what_is_typed_twice_counts_once():
    assert parse('grief griefs "grief" -ritual -rituals attachment-based').wanted == (
        Group("grief", (("grief",),), is_phrase=False),
        Group("attachment-based", (("attach", "base"),), is_phrase=False),
    )
    assert len(parse("-ritual -rituals").unwanted) == 1


def test_a_word_may_be_wanted_and_unwanted():
    query = parse("grief -grief")

    assert (len(query.wanted), len(query.unwanted)) == (1, 1)


@pytest.mark.parametrize("typed", ["", " ", "-", "- -", '"', "%&|!()*:\\'", "\x00", "😀", "\ud800"])
def test_nothing_typed_is_no_query(typed):
    query = parse(typed)

    assert query == NOTHING
    assert not query


@pytest.mark.parametrize("typed", ["the of", '"who"', "-the", "Don’t"])
def test_stop_words_alone_are_no_query_and_say_so(typed):
    query = parse(typed)

    assert query == Query(only_stop_words=True)
    assert not query


def test_stop_words_beside_a_word_are_not_told():
    assert not parse("the grief").only_stop_words
    assert not parse("the -grief").only_stop_words


# --- Limits -----------------------------------------------------------------


def test_a_query_of_the_longest_length_is_read_whole():
    typed = "grief " * 32 + "nowadays"
    assert len(typed) == words.MAX_LENGTH

    query = parse(f"  {typed}\n")

    assert not query.was_cut
    assert [group.typed for group in query.wanted] == ["grief", "nowadays"]


@pytest.mark.parametrize("between", [" ", ", ", "-"])
def test_a_longer_query_loses_no_part_of_a_word(between):
    typed = "grief " * 32 + "abc" + between + "nowadays"

    query = parse(typed)

    assert query.was_cut
    assert [group.typed for group in query.wanted] == ["grief", "abc"]


def test_a_longer_query_keeps_a_word_that_ends_at_the_limit():
    query = parse("grief " * 32 + "nowadays ritual")

    assert query.was_cut
    assert [group.typed for group in query.wanted] == ["grief", "nowadays"]


def test_a_word_longer_than_a_query_is_cut():
    query = parse("x" * 5_000)

    assert query.was_cut
    assert query.wanted == (Group("x" * 200, (("x" * 40,),), is_phrase=False),)


def test_only_the_first_groups_are_used():
    typed = [f"w{number}" for number in range(1, 14)]

    twelve = parse(" ".join(typed[:12] + typed[:12]))
    thirteen = parse("-" + " ".join(typed))

    assert (len(twelve.wanted), twelve.was_cut) == (12, False)
    assert [group.typed for group in thirteen.unwanted] == ["w1"]
    assert [group.typed for group in thirteen.wanted] == typed[1:12]
    assert thirteen.was_cut


# --- Synonyms ---------------------------------------------------------------

CBT = {
    ("cbt",),
    ("cognit", "behavior", "therapi"),
    ("cognit", "behaviour", "therapi"),
    ("cognit", "behavior"),
    ("cognit", "behaviour"),
}


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("CBT", ("cbt",)),
        ("cognitive behavioral therapy", ("cognit", "behavior", "therapi")),
        ("Cognitive-Behavioural Therapies", ("cognit", "behaviour", "therapi")),
        ("cognitive and behavior therapy", ("cognit", "behavior", "therapi")),
    ],
)
def test_every_name_of_a_thing_finds_all_its_names_the_typed_one_first(typed, first):
    [group] = parse(typed).wanted

    assert group.alternatives[0] == first
    assert set(group.alternatives) == CBT
    assert len(group.alternatives) == len(CBT)


def test_a_name_of_several_words_is_one_group_among_others():
    query = parse("advanced cognitive behavioral therapy ethics")

    assert [group.typed for group in query.wanted] == [
        "advanced",
        "cognitive behavioral therapy",
        "ethics",
    ]


@pytest.mark.parametrize(
    ("typed", "groups"),
    [
        (
            "trauma-focused cognitive behavioral therapy",
            ["trauma-focused cognitive behavioral therapy"],
        ),
        (
            "cognitive behavioral therapy for insomnia ethics",
            ["cognitive behavioral therapy for insomnia", "ethics"],
        ),
        ("marriage and family therapy", ["marriage and family therapy"]),
        ("cognitive behavioral therapy cbt", ["cognitive behavioral therapy"]),
        ("family based ethics", ["family", "based", "ethics"]),
        ("trauma-informed family therapy", ["trauma-informed", "family therapy"]),
    ],
)
def test_the_longest_name_wins(typed, groups):
    assert [group.typed for group in parse(typed).wanted] == groups


def test_a_quoted_phrase_means_exactly_that():
    query = parse('"CBT" "cognitive behavioral therapy" -"family therapy"')

    assert [group.alternatives for group in query.wanted] == [
        (("cbt",),),
        (("cognit", "behavior", "therapi"),),
    ]
    assert [group.alternatives for group in query.unwanted] == [(("famili", "therapi"),)]


def test_a_word_and_the_same_word_quoted_are_two_groups():
    assert [group.is_phrase for group in parse('CBT "CBT"').wanted] == [False, True]


@pytest.mark.parametrize(
    "typed",
    [
        'cognitive "behavioral therapy"',
        "cognitive -behavioral therapy",
        "-cognitive behavioral therapy",
    ],
)
def test_a_name_is_made_only_of_wanted_words_without_quotes(typed):
    query = parse(typed)

    assert len(query.wanted) + len(query.unwanted) == 2 + ("therapy" in typed.split())


def test_what_is_unwanted_is_so_by_all_its_names():
    [group] = parse("-CBT").unwanted

    assert set(group.alternatives) == CBT


def test_a_short_form_finds_the_name_but_the_name_not_the_short_form():
    """Else who looks for acceptance and commitment therapy finds every course that says “act”."""
    [typed_short] = parse("ACT").wanted
    [typed_long] = parse("acceptance and commitment therapy").wanted

    assert typed_short.alternatives[:2] == (("act",), ("accept", "commit", "therapi"))
    assert ("act",) not in typed_long.alternatives


@pytest.mark.parametrize(
    ("typed", "also"),
    [
        ("telemental health", "telehealth"),
        ("distance counselling", "online therapy"),
        ("addiction", "substance use disorder"),
        ("LGBTQ+", "queer"),
        ("domestic violence", "intimate partner violence"),
        ("self harm", "NSSI"),
        ("autistic", "autism"),
        ("CEUs", "continuing education"),
        ("988", "suicide and crisis lifeline"),
        ("behavioural", "behavior"),
        ("children", "child"),
        ("post-traumatic stress disorder", "PTSD"),
        ("posttraumatic stress disorder", "post-traumatic stress disorder"),
    ],
)
def test_the_shipped_synonyms_know_that(typed, also):
    [group] = parse(typed).wanted

    assert tuple(lexemes(also)) in group.alternatives


def test_the_shipped_synonyms_hold_together():
    groups = yaml.safe_load(words.SYNONYMS.read_text(encoding="utf-8"))
    synonyms = words.read_synonyms(words.SYNONYMS.read_text(encoding="utf-8"))

    members = {
        tuple(lexemes(member))
        for group in groups
        for member in (group if isinstance(group, list) else group["same"] + group["short"])
    }
    assert len(groups) >= 60
    assert synonyms.keys() == members
    for phrase, alternatives in synonyms.items():
        assert alternatives[0] == phrase
        assert len(alternatives) == len(set(alternatives))
        assert all(phrase in synonyms[name] or len(phrase) == 1 for name in alternatives[1:])


def test_a_group_says_both_ways_and_short_forms_one_way():
    assert words.read_synonyms("[[PTSD, stress disorder], {same: [grief], short: [GR, loss]}]") == {
        ("ptsd",): (("ptsd",), ("stress", "disord")),
        ("stress", "disord"): (("stress", "disord"), ("ptsd",)),
        ("grief",): (("grief",),),
        ("gr",): (("gr",), ("grief",)),
        ("loss",): (("loss",), ("grief",)),
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "is no list of groups"),
        ("CBT: DBT", "is no list of groups"),
        ("- CBT", "'CBT' is no group"),
        ("- {same: [CBT, DBT]}", "is no group"),
        ("- {same: [CBT], short: [DBT], long: [ACT]}", "is no group"),
        ("- {same: CBT, short: [DBT]}", "is no group"),
        ("- [CBT]", "says nothing"),
        ("- [therapy, therapies]", "says nothing"),
        ("- {same: [], short: [CBT, DBT]}", "says nothing"),
        ("- [CBT, NO]", "False is no word to look for"),
        ("- [lifeline, 988]", "988 is no word to look for"),
        ("- [CBT, the of]", "'the of' is no word to look for"),
        ("- [CBT, '+']", r"'\+' is no word to look for"),
        ("- [CBT, DBT]\n- [ACT, cbt]", "“cbt” in .* is in two groups"),
        ("- [stress, anxiety]\n- {same: [fear], short: [anxieties]}", "“anxieti” in .* two groups"),
    ],
)
def test_a_file_of_synonyms_is_refused(source, message):
    with pytest.raises(words.SynonymsError, match=message):
        words.read_synonyms(source)


# --- What was found ---------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "typed", "marked"),
    [
        ("Grief at work", "grief", "<mark>Grief</mark> at work"),
        ("Grieving <b>& grief's", "grief", "Grieving &lt;b&gt;&amp; <mark>grief&#x27;s</mark>"),
        ("‘grief’ (grief)", "grief", "‘<mark>grief</mark>’ (<mark>grief</mark>)"),
        ("Pre-grief", "grief", "Pre-<mark>grief</mark>"),
        ("José writes", "jose", "<mark>José</mark> writes"),
        ("Grief rituals, now", "ritual grief", "<mark>Grief rituals</mark>, now"),
        ("Grief and ritual", "ritual grief", "<mark>Grief</mark> and <mark>ritual</mark>"),
        (
            "The consent that was informed, informed consent",
            '"informed consent"',
            "The consent that was informed, <mark>informed consent</mark>",
        ),
        (
            "Acceptance and the Commitment and more",
            '"acceptance commitment"',
            "<mark>Acceptance and the Commitment</mark> and more",
        ),
        (
            "Cognitive-Behavioral Therapy (CBT)",
            "cbt",
            "<mark>Cognitive-Behavioral Therapy</mark> (<mark>CBT</mark>)",
        ),
        ("Grief and loss", "loss -grief", "Grief and <mark>loss</mark>"),
        ("Grief and loss", "-grief", "Grief and loss"),
        ("A < B", "", "A &lt; B"),
        ("The the", "the", "The the"),
        ("“quoted” 'one'", "one", "“quoted” &#x27;<mark>one</mark>&#x27;"),
        ("", "grief", ""),
        ("grief grief", '"grief grief grief"', "grief grief"),
        ("a b c b c d", '"b c d"', "a b c <mark>b c d</mark>"),
    ],
)
def test_highlight_marks(text, typed, marked):
    assert highlight(text, parse(typed)) == marked


def test_highlight_is_ready_for_a_template():
    assert isinstance(highlight("<b>", parse("grief")), SafeString)
    assert isinstance(highlight("<b>", NOTHING), SafeString)


def test_highlight_escapes_what_was_declared_safe():
    assert highlight(SafeString("<b>grief</b>"), parse("grief")) == (
        "&lt;b&gt;<mark>grief</mark>&lt;/b&gt;"
    )


VOCABULARY = [
    "CBT", "cognitive", "Behavioral", "behaviour", "therapies", "and", "the", "family", "ethics",
    "Ethical", "acceptance", "commitment", "act", "informed", "consent", "client's",
]  # fmt: skip
SEPARATORS = [" ", ", ", "-", " & ", "\n", "/"]


@settings(deadline=None)
@given(
    chosen=st.lists(
        st.tuples(st.sampled_from(VOCABULARY), st.sampled_from(SEPARATORS)), max_size=20
    ),
    typed=st.lists(st.sampled_from([*VOCABULARY, '"', "-"]), max_size=6).map(" ".join),
)
def test_highlight_marks_all_that_is_wanted_and_no_more(chosen, typed):
    query = parse(typed)
    alternatives = {phrase for group in query.wanted for phrase in group.alternatives}
    text_words = [word for word, _ in chosen]

    expected = set()
    for start in range(len(text_words)):
        for end in range(start + 1, len(text_words) + 1):
            # Stop words may be within a phrase, but not begin or end it.
            if lexemes(text_words[start]) and lexemes(text_words[end - 1]):
                phrase = tuple(lexemes(" ".join(text_words[start:end])))
                expected |= set(range(start, end)) if phrase in alternatives else set()
    marked, place, is_marked = set(), 0, False
    shown = highlight("".join(word + separator for word, separator in chosen), query)
    for token in re.findall(r"</?mark>|[A-Za-z]+(?:&#x27;s)?(?!\w*;)", shown):
        if "mark>" in token:
            is_marked = token == "<mark>"
        else:
            marked |= {place} if is_marked else set()
            place += 1

    assert place == len(text_words)
    assert marked == expected
    assert not re.search("</mark>[ -]<mark>", shown)


# --- Whatever the text ------------------------------------------------------

ANY_TEXT = st.one_of(
    st.text(st.characters(), max_size=60),
    st.lists(
        st.sampled_from([*VOCABULARY, *HOSTILE[-8:], '"', "“", "-", "−", "'", "’", "\u0301", " "]),
        max_size=12,
    ).map("".join),
)


def check_that_all_survives(text: str, typed: str) -> None:
    query = parse(typed)
    shown = highlight(text, query)

    assert html.unescape(re.sub("</?mark>", "", shown)) == text
    assert "<" not in re.sub("</?mark>", "", shown)
    assert len(query.wanted) + len(query.unwanted) <= words.MAX_GROUPS
    assert not (query and query.only_stop_words)
    for group in (*query.wanted, *query.unwanted):
        assert group.typed.strip("“”")
        assert group.alternatives
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", group.typed)
        assert all(LEXEME.fullmatch(each) for phrase in group.alternatives for each in phrase)
    found = words.words(text)
    assert [lexeme for _, lexeme in found] == lexemes(text)
    for word, lexeme in found:
        assert LEXEME.fullmatch(lexeme)
        assert 1 <= len(word) <= words.MAX_WORD
        if not any(unicodedata.category(c)[0] == "M" for c in word):
            assert words.words(word) == [(word, lexeme)]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_survives(text):
    check_that_all_survives(text, text)
    check_that_all_survives(text, f"grief {text}")
    check_that_all_survives(f"grief {text}", "grief")


@settings(deadline=None, max_examples=300)
@given(text=ANY_TEXT, typed=ANY_TEXT)
def test_any_text_survives(text, typed):
    check_that_all_survives(text, typed)
    check_that_all_survives(text, text)

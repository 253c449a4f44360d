from django.urls import include, path

from courses import views

app_name = "courses"

catalog_patterns = [
    path("", views.catalog, name="catalog"),
    path("suggest/", views.suggest, name="suggest"),
    path("topics/", views.topics, name="topics"),
    path("topics/<slug:slug>/", views.topic, name="topic"),
    path("feed.atom", views.feed, name="feed"),
    path("sessions.ics", views.session_calendar, name="session_calendar"),
    path("saved/", views.saved_searches, name="saved_searches"),
    path("saved/add/", views.save_search, name="save_search"),
    path("saved/<uuid:pk>/", views.change_saved_search, name="change_saved_search"),
    path("saved/<uuid:pk>/forget/", views.forget_saved_search, name="forget_saved_search"),
    path("saved/stop/<str:token>/", views.stop_mail, name="stop_mail"),
    path("shortlist/", views.shortlist, name="shortlist"),
    path("<slug:slug>/", views.course, name="course"),
    path("<slug:slug>/enroll/", views.enroll, name="enroll"),
    path("<slug:slug>/withdraw/", views.withdraw, name="withdraw"),
    path("<slug:slug>/move/", views.move, name="move"),
    path("<slug:slug>/waitlist/", views.join_waitlist, name="join_waitlist"),
    path("<slug:slug>/waitlist/<uuid:pk>/leave/", views.leave_waitlist, name="leave_waitlist"),
    path("<slug:slug>/waitlist/<uuid:pk>/accept/", views.accept_seat, name="accept_seat"),
    path("<slug:slug>/waitlist/<uuid:pk>/decline/", views.decline_seat, name="decline_seat"),
    path("<slug:slug>/keep/", views.keep, name="keep"),
    path("<slug:slug>/drop/", views.drop, name="drop"),
]

room_patterns = [
    path("", views.room, name="room"),
    path("lessons/<slug:key>/", views.lesson, name="lesson"),
    path("lessons/<slug:key>/read/", views.read, name="read"),
    path("lessons/<slug:key>/progress/", views.progress, name="progress"),
    path("lessons/<slug:key>/file/", views.lesson_file, name="lesson_file"),
    path("lessons/<slug:key>/captions/", views.lesson_captions, name="lesson_captions"),
    path("print/", views.print_lessons, name="print_lessons"),
    path("post-test/", views.post_test, name="post_test"),
    path("post-test/save/", views.save_answers, name="save_answers"),
    path("post-test/<int:number>/", views.attempt, name="attempt"),
    path("session/", views.session, name="session"),
    path("session/check-in/", views.check_in, name="check_in"),
    path("session/check-out/", views.check_out, name="check_out"),
    path("evaluation/", views.evaluation, name="evaluation"),
    path("attestation/", views.attestation, name="attestation"),
    path("complete/", views.complete, name="complete"),
    path("session.ics", views.session_file, name="session_file"),
]

calendar_patterns = [
    path("", views.personal_calendar, name="personal_calendar"),
    path("new/", views.make_personal_feed, name="make_personal_feed"),
    path("stop/", views.stop_personal_feed, name="stop_personal_feed"),
]

renewal_patterns = [
    path("", views.renewals, name="renewals"),
    path("new/", views.new_plan, name="new_plan"),
    path("<uuid:pk>/", views.change_plan, name="change_plan"),
    path("<uuid:pk>/drop/", views.drop_plan, name="drop_plan"),
]

desk_patterns = [
    path("", views.desk, name="desk"),
    path("export.csv", views.desk_csv, name="desk_csv"),
    path("<uuid:person_id>/plan/", views.trainee_plan, name="trainee_plan"),
    path("<uuid:person_id>/plan/new/", views.new_trainee_plan, name="new_trainee_plan"),
    path("<uuid:person_id>/plan/<uuid:pk>/", views.change_trainee_plan, name="change_trainee_plan"),
    path("<uuid:person_id>/assign/", views.assign, name="assign"),
]

profile_patterns = [
    path("data/", views.personal_data, name="personal_data"),
    path("data/ask/", views.ask_for_data, name="ask_for_data"),
    path("data/<uuid:pk>/", views.data_file, name="data_file"),
    path("close/", views.close_account, name="close_account"),
]

urlpatterns = [
    path("profile/", include(profile_patterns)),
    path("courses/", include(catalog_patterns)),
    path("calendar/<slug:token>.ics", views.personal_feed, name="personal_feed"),
    path("learn/calendar/", include(calendar_patterns)),
    path("learn/<uuid:pk>/", include(room_patterns)),
    path("renewals/", include(renewal_patterns)),
    path("supervision/", include(desk_patterns)),
    path("assignments/", views.assignments, name="assignments"),
    path("assignments/<uuid:pk>/withdraw/", views.withdraw_assignment, name="withdraw_assignment"),
    path("transcript/outside/add/", views.add_outside, name="add_outside"),
    path("transcript/outside/<uuid:pk>/change/", views.change_outside, name="change_outside"),
    path("host/sessions/<int:pk>/", views.host_session, name="host_session"),
]

from django.urls import include, path

from courses import views

app_name = "courses"

catalog_patterns = [
    path("", views.catalog, name="catalog"),
    path("<slug:slug>/", views.course, name="course"),
    path("<slug:slug>/enroll/", views.enroll, name="enroll"),
    path("<slug:slug>/withdraw/", views.withdraw, name="withdraw"),
]

room_patterns = [
    path("", views.room, name="room"),
    path("lessons/<slug:key>/", views.lesson, name="lesson"),
    path("lessons/<slug:key>/read/", views.read, name="read"),
    path("post-test/", views.post_test, name="post_test"),
    path("post-test/<int:number>/", views.attempt, name="attempt"),
    path("evaluation/", views.evaluation, name="evaluation"),
    path("complete/", views.complete, name="complete"),
]

urlpatterns = [
    path("courses/", include(catalog_patterns)),
    path("learn/<uuid:pk>/", include(room_patterns)),
]

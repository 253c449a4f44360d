"""The front page has no namespace: every app links to it."""

from django.urls import path

from courses import views

urlpatterns = [path("", views.home, name="home")]

"""Public pages about people, for people: no sign-in, a signed link instead."""

from django.urls import path

from contacts import confirm_page

urlpatterns = [
    path("confirm/<str:token>", confirm_page.confirm, name="confirm"),
]

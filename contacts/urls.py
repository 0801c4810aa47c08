"""Public pages about people, for people: no sign-in, a signed link instead."""

from django.urls import path

from contacts import confirm_page, preference_pages

urlpatterns = [
    path("confirm/<str:token>", confirm_page.confirm, name="confirm"),
    path("p/<str:token>", preference_pages.preference_page, name="preferences"),
    path("p/<str:token>/data", preference_pages.data_page, name="preferences-data"),
    path("admin/contacts/preferences/preview/", preference_pages.preview, name="preferences-preview"),
]

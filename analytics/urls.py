"""Addresses of figures: live JSON for charts."""

from django.urls import URLPattern

app_name = "analytics"
urlpatterns: list[URLPattern] = []

"""Public addresses of delivery: tracking links and unsubscribing; and its pages in the console."""

from django.urls import URLPattern

app_name = "delivery"
urlpatterns: list[URLPattern] = []

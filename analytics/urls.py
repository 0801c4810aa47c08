"""Addresses of figures: live JSON for charts."""

from django.urls import path

from analytics import views

app_name = "analytics"
urlpatterns = [
    path("admin/figures/campaigns/<uuid:campaign>", views.campaign_figures, name="campaign-figures"),
    path("admin/figures/underway", views.underway, name="underway"),
    path("admin/figures/notices/read", views.read_notices, name="read-notices"),
]

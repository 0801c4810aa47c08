"""Public addresses of the brand."""

from django.urls import path

from team import public

app_name = "team"
urlpatterns = [path("brand/<str:digest>.png", public.logo, name="logo")]

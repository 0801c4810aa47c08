"""The one API router: which resources exist and where."""

from django.urls import URLPattern, URLResolver
from rest_framework.routers import SimpleRouter

router = SimpleRouter(trailing_slash="/?")

urlpatterns: list[URLPattern | URLResolver] = [*router.urls]

"""The one API router: which resources exist and where."""

from django.urls import URLPattern, URLResolver
from rest_framework.routers import SimpleRouter

from delivery import api as delivery_api
from segments import api as segments_api
from templates_app import api as templates_api

router = SimpleRouter()
router.trailing_slash = "/?"  # both spellings work; the constructor knows only with and without
router.register("segments", segments_api.SegmentViewSet, basename="segment")
router.register("notifications/segments", segments_api.SegmentAliasViewSet, basename="segment-alias")
router.register("templates", templates_api.TemplateViewSet, basename="template")

urlpatterns: list[URLPattern | URLResolver] = [*router.urls, *delivery_api.urlpatterns]

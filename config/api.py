"""The one API router: which resources exist and where."""

from django.urls import URLPattern, URLResolver
from rest_framework.routers import SimpleRouter

from delivery import api as delivery_api
from segments import api as segments_api

router = SimpleRouter(trailing_slash="/?")
router.register("segments", segments_api.SegmentViewSet, basename="segment")
router.register("notifications/segments", segments_api.SegmentAliasViewSet, basename="segment-alias")

urlpatterns: list[URLPattern | URLResolver] = [*router.urls, *delivery_api.urlpatterns]

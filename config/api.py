"""The one API router: which resources exist and where."""

from django.urls import URLPattern, URLResolver
from rest_framework.routers import SimpleRouter

from analytics import api as analytics_api
from campaigns import api as campaigns_api
from campaigns import blueprint_api
from contacts import api as contacts_api
from contacts import company_api, consent_api, preference_api, suppression_api, timeline_api
from delivery import api as delivery_api
from segments import api as segments_api
from templates_app import api as templates_api

router = SimpleRouter()
router.trailing_slash = "/?"  # both spellings work; the constructor knows only with and without
router.register("campaigns", campaigns_api.CampaignViewSet, basename="campaign")
router.register("campaigns/templates", blueprint_api.CampaignTemplateAliasViewSet, basename="campaign-template-alias")
router.register("campaign-templates", blueprint_api.CampaignTemplateViewSet, basename="campaign-template")
router.register("approvals", campaigns_api.ApprovalViewSet, basename="approval")
router.register("contacts", contacts_api.ContactViewSet, basename="contact")
router.register("companies", company_api.CompanyViewSet, basename="company")
router.register("topics", consent_api.TopicViewSet, basename="topic")
router.register("suppressions", suppression_api.SuppressionViewSet, basename="suppression")
router.register("segments", segments_api.SegmentViewSet, basename="segment")
router.register("notifications/segments", segments_api.SegmentAliasViewSet, basename="segment-alias")
router.register("templates", templates_api.TemplateViewSet, basename="template")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    *timeline_api.urlpatterns,
    *preference_api.urlpatterns,
    *delivery_api.urlpatterns,
    *analytics_api.urlpatterns,
]

"""Public addresses of delivery: tracking links and unsubscribing; and its pages in the console."""

from django.urls import path

from delivery import pages, tracking, unsubscribing

app_name = "delivery"
urlpatterns = [
    path("o/<str:token>.gif", tracking.opened, name="opened"),
    path("c/<str:token>", tracking.clicked, name="clicked"),
    path("u/<str:token>", unsubscribing.unsubscribe, name="unsubscribe"),
    path("admin/delivery/campaigns/<uuid:campaign>/recipients/", pages.recipients, name="recipients"),
    path("admin/delivery/campaigns/<uuid:campaign>/why/", pages.why_page, name="why"),
    path("admin/delivery/test-send/", pages.test_send, name="test-send"),
    path("admin/delivery/sandbox/<int:pk>/body/", pages.sandbox_body, name="sandbox-body"),
]

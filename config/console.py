"""How the console looks and what its sidebar offers; read by the admin theme."""

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _bell(request: HttpRequest) -> str:
    return static("carillon/bell.svg")


def _chime(request: HttpRequest) -> str:
    return static("carillon/chime.svg")


def _stylesheet(request: HttpRequest) -> str:
    return static("carillon/console.css")


def _stylesheet_without_scripts(request: HttpRequest) -> str:
    return static("carillon/plain.css")


# The bronze of a bell. Checked for contrast: 600 on white and white on 600 are above 4.5:1, 400 on the dark base too.
BRONZE = {
    "50": "oklch(98% .012 78)",
    "100": "oklch(95.5% .03 76)",
    "200": "oklch(90.5% .062 74)",
    "300": "oklch(83.5% .098 71)",
    "400": "oklch(75% .12 67)",
    "500": "oklch(64.5% .122 62)",
    "600": "oklch(53% .108 58)",
    "700": "oklch(46% .094 56)",
    "800": "oklch(39.5% .078 54)",
    "900": "oklch(34% .062 53)",
    "950": "oklch(24% .045 52)",
}
STONE = {
    "50": "oklch(98.4% .003 80)",
    "100": "oklch(96.6% .004 80)",
    "200": "oklch(92.2% .006 75)",
    "300": "oklch(86.6% .008 70)",
    "400": "oklch(71.5% .012 65)",
    "500": "oklch(52.5% .014 60)",
    "600": "oklch(43.5% .014 60)",
    "700": "oklch(36.5% .013 60)",
    "800": "oklch(27% .011 60)",
    "900": "oklch(20.5% .009 60)",
    "950": "oklch(14% .007 60)",
}


_CAMPAIGN_TEMPLATES = reverse_lazy("admin:campaigns_campaign_templates")


def _is_on_campaigns(request: HttpRequest) -> bool:
    """Approvals and campaign templates live below the campaigns' address and have entries of their own."""
    campaigns = str(reverse_lazy("admin:campaigns_campaign_changelist"))
    own = (str(reverse_lazy("admin:campaigns_campaign_approvals")), str(_CAMPAIGN_TEMPLATES))
    return request.path.startswith(campaigns) and not request.path.startswith(own)


def _is_on_campaign_templates(request: HttpRequest) -> bool:
    return request.path.startswith(str(_CAMPAIGN_TEMPLATES))


def _item(
    title: str, icon: str, view: str, permission: str | None = None, *, badge: str = "", active: object = None
) -> dict[str, object]:
    item: dict[str, object] = {"title": title, "icon": icon, "link": reverse_lazy(view)}
    if badge:
        item["badge"] = badge
    if active is not None:
        item["active"] = active
    if permission is not None:
        item["permission"] = lambda request: request.user.has_perm(permission)
    return item


UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Carillon",
    "SITE_HEADER": "Carillon",
    "SITE_SUBHEADER": "Campaign console",
    "SITE_SYMBOL": "notifications_active",
    "SITE_ICON": _bell,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _bell}],
    "COLORS": {"base": STONE, "primary": BRONZE},
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "analytics.dashboard.home",
    "LOGIN": {"form": "team.auth.LoginForm", "image": _chime},
    "STYLES": [_stylesheet, _stylesheet_without_scripts],
    "SCRIPTS": [],
    "ACCOUNT": {
        "navigation": [
            {"title": "Your settings", "link": reverse_lazy("admin:team_user_settings")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ]
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "",
                "items": [_item("Home", "home", "admin:index")],
            },
            {
                "title": "Reach",
                "separator": True,
                "items": [
                    _item(
                        "Campaigns",
                        "campaign",
                        "admin:campaigns_campaign_changelist",
                        "campaigns.view_campaign",
                        active=_is_on_campaigns,
                    ),
                    _item(
                        "Campaign templates",
                        "bookmarks",
                        "admin:campaigns_campaign_templates",
                        "campaigns.view_campaigntemplate",
                        active=_is_on_campaign_templates,
                    ),
                    _item(
                        "Approvals",
                        "approval",
                        "admin:campaigns_campaign_approvals",
                        "campaigns.approve_campaign",
                        badge="campaigns.pages.waiting_badge",
                    ),
                    _item(
                        "Templates", "draft", "admin:templates_app_template_changelist", "templates_app.view_template"
                    ),
                    _item("Senders", "contact_mail", "admin:campaigns_sender_changelist", "campaigns.view_sender"),
                ],
            },
            {
                "title": "People",
                "separator": True,
                "items": [
                    _item("Contacts", "group", "admin:contacts_contact_changelist", "contacts.view_contact"),
                    _item("Segments", "filter_alt", "admin:segments_segment_changelist", "segments.view_segment"),
                    _item(
                        "Spending levels",
                        "payments",
                        "admin:segments_spendinglevel_changelist",
                        "segments.change_spendinglevel",
                    ),
                    _item("Companies", "domain", "admin:contacts_company_changelist", "contacts.view_company"),
                    _item("Topics", "topic", "admin:contacts_topic_changelist", "contacts.view_topic"),
                    _item("Events", "bolt", "admin:events_eventname_changelist", "events.view_eventname"),
                    _item("Sources", "sensors", "admin:events_source_changelist", "events.view_source"),
                    _item("Imports", "upload_file", "admin:contacts_importjob_changelist", "contacts.view_importjob"),
                    _item(
                        "Suppressions", "block", "admin:contacts_suppression_changelist", "contacts.view_suppression"
                    ),
                ],
            },
            {
                "title": "Delivery",
                "separator": True,
                "items": [
                    _item(
                        "Sandbox mailbox", "inbox", "admin:delivery_sandboxmail_changelist", "delivery.view_sandboxmail"
                    ),
                    _item("Ledger", "receipt_long", "admin:delivery_message_changelist", "delivery.view_message"),
                    _item(
                        "Confirmation mails",
                        "mark_email_read",
                        "admin:delivery_confirmationmail_changelist",
                        "delivery.view_confirmationmail",
                    ),
                    _item(
                        "Sender accounts", "outgoing_mail", "admin:delivery_account_changelist", "delivery.view_account"
                    ),
                ],
            },
            {
                "title": "Team",
                "separator": True,
                "items": [
                    _item("People", "badge", "admin:team_user_changelist", "team.view_user"),
                    _item("Brand", "palette", "admin:team_brand_changelist", "team.view_brand"),
                    _item("API keys", "key", "admin:team_apikey_changelist", "team.view_apikey"),
                    _item("Notices", "notifications", "admin:team_notice_changelist"),
                    _item("Audit trail", "policy", "admin:team_auditrecord_changelist", "team.view_auditrecord"),
                    _item(
                        "Schedules",
                        "schedule",
                        "admin:django_celery_beat_periodictask_changelist",
                        "django_celery_beat.view_periodictask",
                    ),
                ],
            },
        ],
    },
}

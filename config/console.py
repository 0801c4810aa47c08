"""How the console looks and what its sidebar offers; read by the admin theme."""

from django.urls import reverse_lazy


def _item(title: str, icon: str, view: str, permission: str | None = None) -> dict[str, object]:
    item: dict[str, object] = {"title": title, "icon": icon, "link": reverse_lazy(view)}
    if permission is not None:
        item["permission"] = lambda request: request.user.has_perm(permission)
    return item


UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Carillon",
    "SITE_HEADER": "Carillon",
    "SITE_SUBHEADER": "Campaign console",
    "SITE_SYMBOL": "notifications_active",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "analytics.dashboard.home",
    "STYLES": [],
    "SCRIPTS": [],
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
                    _item("Campaigns", "campaign", "admin:campaigns_campaign_changelist", "campaigns.view_campaign"),
                    _item(
                        "Templates", "draft", "admin:templates_app_template_changelist", "templates_app.view_template"
                    ),
                ],
            },
            {
                "title": "People",
                "separator": True,
                "items": [
                    _item("Contacts", "group", "admin:contacts_contact_changelist", "contacts.view_contact"),
                    _item("Segments", "filter_alt", "admin:segments_segment_changelist", "segments.view_segment"),
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
                        "Sender accounts", "outgoing_mail", "admin:delivery_account_changelist", "delivery.view_account"
                    ),
                ],
            },
            {
                "title": "Team",
                "separator": True,
                "items": [
                    _item("People", "badge", "admin:team_user_changelist", "team.view_user"),
                    _item("API keys", "key", "admin:team_apikey_changelist", "team.view_apikey"),
                ],
            },
        ],
    },
}

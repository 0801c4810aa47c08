"""The three roles and what each may do. Written to the database after every migration, so that code is the truth."""

from typing import Any

from django.contrib.auth.models import Group, Permission

MARKETER, APPROVER, ADMINISTRATOR = "Marketer", "Approver", "Administrator"

_see_everything = [
    "contacts.view_contact", "contacts.view_attributedefinition", "contacts.view_suppression",
    "contacts.view_suppressionrelease",
    "contacts.view_importjob", "contacts.view_topic", "contacts.view_company", "contacts.view_merge",
    "segments.view_segment", "segments.view_spendinglevel", "templates_app.view_template",
    "templates_app.view_templateversion", "campaigns.view_campaign", "campaigns.view_sender", "campaigns.view_comment",
    "campaigns.add_comment", "campaigns.view_campaigntemplate", "delivery.view_message", "delivery.view_run",
    "delivery.view_sandboxmail", "delivery.view_account", "team.view_brand", "delivery.view_confirmationmail",
    "events.view_source", "events.view_eventname",
]  # fmt: skip
_plan_campaigns = [
    "contacts.add_contact", "contacts.change_contact", "contacts.delete_contact",
    "contacts.add_attributedefinition", "contacts.change_attributedefinition", "contacts.add_suppression",
    "contacts.release_suppression",
    "contacts.add_importjob", "contacts.change_importjob", "contacts.delete_importjob",
    "contacts.add_merge", "contacts.add_notduplicate", "contacts.add_company", "contacts.change_company",
    "contacts.export_contact",
    "segments.add_segment", "segments.change_segment", "segments.delete_segment", "segments.add_spendinglevel",
    "segments.change_spendinglevel", "segments.delete_spendinglevel",
    "templates_app.add_template", "templates_app.change_template", "templates_app.delete_template",
    "templates_app.add_templateversion", "templates_app.change_templateversion",
    "campaigns.add_campaign", "campaigns.change_campaign", "campaigns.delete_campaign", "campaigns.submit_campaign",
    "campaigns.launch_campaign", "campaigns.add_campaigntemplate", "campaigns.change_campaigntemplate",
    "campaigns.delete_campaigntemplate",
]  # fmt: skip
_approve = ["campaigns.approve_campaign", "campaigns.change_campaign", "campaigns.launch_campaign"]
_administer = [
    "contacts.add_topic", "contacts.change_topic", "contacts.delete_topic", "delivery.add_confirmationmail",
    "delivery.change_confirmationmail", "delivery.delete_confirmationmail", "contacts.release_objection",
    "campaigns.add_sender", "campaigns.change_sender", "campaigns.delete_sender",
    "campaigns.change_campaignmember",
    "delivery.add_account", "delivery.change_account", "delivery.delete_account", "delivery.change_message",
    "team.view_user", "team.add_user", "team.change_user", "team.view_apikey", "team.add_apikey",
    "team.change_apikey", "team.change_brand", "auth.view_group", "django_celery_beat.view_periodictask",
    "events.add_source", "events.change_source", "team.view_auditrecord",
]  # fmt: skip

PERMISSIONS = {
    MARKETER: _see_everything + _plan_campaigns,
    APPROVER: _see_everything + _approve,
    ADMINISTRATOR: _see_everything + _plan_campaigns + _approve + _administer,
}


def write_roles(**_: Any) -> None:
    """Give each role's group exactly its permissions (after migrate, when the permissions exist)."""
    for role, names in PERMISSIONS.items():
        group, _created = Group.objects.get_or_create(name=role)
        pairs = {tuple(name.split(".")) for name in names}
        wanted = [
            permission
            for permission in Permission.objects.filter(
                codename__in=[codename for _, codename in pairs]
            ).select_related("content_type")
            if (permission.content_type.app_label, permission.codename) in pairs
        ]
        group.permissions.set(wanted)

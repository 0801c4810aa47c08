"""From a body of the API to a saved campaign: its short form, content written in the request, and asking twice."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework import exceptions

from campaigns import editing
from campaigns.editing import Wording
from campaigns.models import Campaign, CreationKey, Sender
from core.errors import Refused
from team.models import User
from templates_app import publishing
from templates_app.models import Template, TemplateVersion

Body = dict[str, Any]
KEYS_ARE_KEPT = timedelta(days=7)  # nobody sends a request again after that long


def create(body: Body, *, by: User, key: str = "", raw: Any = None, base: Body | None = None) -> Campaign:
    """A draft from a checked body, on top of what `base` already says (values as editing takes them).

    The same `key` with the same `raw` body gives the campaign it made before.
    """
    if not key:
        return _made(body, by, base)
    body_hash = hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
    try:
        with transaction.atomic():
            # Of two at once, the second waits here for the first to commit, and then is told that the key exists.
            made = CreationKey.objects.create(owner=by, key=key, body_hash=body_hash)
            campaign = _made(body, by, base)
            CreationKey.objects.filter(pk=made.pk).update(campaign=campaign)
            return campaign
    except IntegrityError:
        return _made_before(by, key, body_hash)


def _made(body: Body, by: User, base: Body | None) -> Campaign:
    with transaction.atomic():
        return editing.create(by=by, **{**(base or {}), **_values(body, by, body.get("name", ""))})


def replace(campaign: Campaign, body: Body, *, by: User, seen: Any) -> None:
    """Everything as `body` says; what it leaves out goes back to its default."""
    defaults: Body = {
        "description": "", "kind": Campaign.Kind.BROADCAST, "purpose": Campaign.Purpose.MARKETING, "channel": "email",
        "topic": None, "tags": [], "sender": None, "segments": [], "excluded_segments": [], "variants": [],
        "schedule": None, "tracks_opens": True, "tracks_clicks": True,
    }  # fmt: skip
    if "emailConfig" in body:
        defaults.pop("variants")
        if "from" in body["emailConfig"]:
            defaults.pop("sender")
    change(campaign, defaults | body, by=by, seen=seen)


def change(campaign: Campaign, body: Body, *, by: User, seen: Any) -> None:
    with transaction.atomic():
        editing.change(campaign, by=by, seen=seen, **_values(body, by, body.get("name", campaign.name)))


def _made_before(by: User, key: str, body_hash: str) -> Campaign:
    made = CreationKey.objects.select_related("campaign").filter(owner=by, key=key).first()
    if made is None or made.campaign is None:
        raise Refused("try_again", "The first request with this Idempotency-Key failed. Send it again.")
    if made.body_hash != body_hash:
        raise Refused("key_reused", "This Idempotency-Key was used for a different campaign. Use a new key.")
    return made.campaign


def forget_keys() -> int:
    """Delete the Idempotency-Keys that nobody will send again; returns how many."""
    return CreationKey.objects.filter(at__lt=timezone.now() - KEYS_ARE_KEPT).delete()[0]


def _values(body: Body, by: User, name: str) -> Body:
    """What editing takes, from what the API takes."""
    values = {field: body[field] for field in (*editing.PLAIN, *editing.RELATED) if field in body}
    if "schedule" in body:
        planned = body["schedule"] or {"on": None, "time": None, "zone": ""}
        values |= {"send_on": planned["on"], "send_time": planned["time"], "send_zone": planned["zone"]}
    if "channels" in body:
        values["channel"] = body["channels"][0]
    if "variants" in body:
        values["variants"] = [_wording(item, by, name) for item in body["variants"]]
    if "emailConfig" in body:
        values |= _email(body["emailConfig"], by, name)
    return values


def _email(config: Body, by: User, name: str) -> Body:
    values: Body = {}
    if "templateId" in config:
        values["variants"] = [Wording(config["templateId"])]
    elif "content" in config:
        values["variants"] = [Wording(_written(config["content"], by, name))]
    if "from" in config:
        values["sender"] = _sender(config["from"])
    return values


def _wording(item: Body, by: User, name: str) -> Wording:
    return Wording(item.get("template") or _written(item["content"], by, name), item["weight"])


def _written(content: Body, by: User, name: str) -> Template:
    """A template of its own for content that came with the request, published at once."""
    if not by.has_perm("templates_app.add_template"):
        raise Refused("not_allowed", "Your role does not let you write content. Use the id of a template.")
    fields = {
        "subject": content["subject"],
        "preheader": content["preheader"],
        "format": TemplateVersion.Format.MJML if "mjml" in content else TemplateVersion.Format.HTML,
        "source": content.get("mjml") or content.get("html") or "",
        "text_source": content["text"],
    }
    template = publishing.create(by=by, name=publishing.free_name(name or "Campaign"), content=fields)
    publishing.publish(template, by=by)
    template.refresh_from_db()
    return template


def _sender(wanted: Body) -> Sender:
    """Who a message is from is chosen among the senders that an administrator set up, never invented by a request."""
    sender = Sender.objects.filter(email__iexact=wanted["email"]).first()
    if sender is None or wanted.get("name", sender.name) != sender.name:
        message = f"There is no sender with this name and address: {wanted['email']}. An administrator can add it."
        raise exceptions.ValidationError({"emailConfig": {"from": [message]}})
    return sender

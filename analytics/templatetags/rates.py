"""Rates as people read them."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics.intervals import ENOUGH, Rate

register = template.Library()


@register.filter
def rate(value: Rate) -> SafeString:
    """A rate in percent with its interval in the tooltip; "too few" where it would say nothing."""
    if value.value is None or value.interval is None:
        return format_html('<span class="c-muted">{}</span>', "–")
    if not value.is_enough:
        why = f"{value.count} of {value.of}: under {ENOUGH} a rate says next to nothing"
        return format_html('<span class="c-muted" title="{}">too few</span>', why)
    low, high = value.interval
    likely = f"{value.count:,} of {value.of:,}; likely between {low:.1%} and {high:.1%}"
    return format_html('<span title="{}">{}</span>', likely, f"{value.value:.1%}")

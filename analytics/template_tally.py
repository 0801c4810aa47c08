"""What became of a template's messages, from the hourly counts, for the template's own page."""

from django.db.models import Sum

from analytics.counts import HUMAN
from analytics.models import Rollup
from templates_app.usage import Tally, tallies


@tallies.register
class HourlyCounts(Tally):
    key = "rollup"
    label = "Hourly counts"

    def of(self, campaigns: list[int]) -> dict[tuple[int, str], int]:
        rows = Rollup.objects.filter(campaign_id__in=campaigns, label=HUMAN).order_by()
        told = rows.values_list("variant_id", "name").annotate(messages=Sum("unique_count"))
        return {(variant, name): messages for variant, name, messages in told}

"""What happens to campaigns by itself: a scheduled one starts when its moment comes."""

from celery import shared_task

from campaigns import lifecycle


@shared_task
def start_due() -> None:
    """Safe at any time and any number of times: the rows say what is due."""
    lifecycle.start_due()

"""What happens to campaigns by itself: a scheduled one starts when its moment comes, old keys are forgotten."""

from celery import shared_task

from campaigns import lifecycle, writing


@shared_task
def start_due() -> None:
    """Safe at any time and any number of times: the rows say what is due."""
    lifecycle.start_due()


@shared_task
def forget_keys() -> None:
    writing.forget_keys()

"""Upkeep of the log."""

from celery import shared_task

from events import partitions


@shared_task
def make_partitions() -> None:
    partitions.ensure()

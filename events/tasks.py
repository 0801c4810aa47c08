"""Upkeep of the log."""

from celery import shared_task

from events import partitions, strays


@shared_task
def make_partitions() -> None:
    partitions.ensure()


@shared_task
def bring_strays_home() -> None:
    strays.sweep()

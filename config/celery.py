"""The Celery application: queues wake workers up, rows say what there is to do."""

import os
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if os.environ.get("CARILLON_ENV", "local") != "production":
    # On one machine, often a container, people run as root what is theirs alone, and the advice would stand among the
    # first lines they see. Production hears it. C_FORCE_ROOT doesn't do this: it permits pickle, which we don't take.
    warnings.filterwarnings("ignore", "You're running the worker with superuser privileges", SecurityWarning)
app = Celery("carillon")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

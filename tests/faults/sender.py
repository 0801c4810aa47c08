"""A sender as a process: sends what is due by the real code and ends when nothing is."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

if __name__ == "__main__":
    django.setup()
    from delivery import sending

    sending.drain(worker=f"sender:{os.getpid()}", seconds=120, must_stop=lambda: False, beat=lambda: None)

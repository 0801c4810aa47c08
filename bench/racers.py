"""Three ways to send, each in processes of its own for bench/sending.py: ours, Django's usual way, bare pipelining."""

import os
import smtplib
import sys
from collections.abc import Callable

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from django.template import engines

from bench import scratch
from delivery import sending, tasks
from delivery.mime import Skeleton
from templates_app.rendering import Content

WORKERS = 2
_FILLER = "<p>Every evening the bells of the old town answer each other, and nobody has ever counted them all.</p>\n"
HTML = (
    "<html><body><h1>Hello {{ contact.first_name }} {{ contact.last_name }}</h1>"
    "<p>{{ contact.attributes.plan }} {{ contact.attributes.city }} {{ contact.attributes.points }}</p>"
    "<p>{{ contact.email }} {{ contact.external_id }} {{ contact.locale }} {{ contact.time_zone }}</p>"
    + "".join(f'<p><a href="https://example.com/page/{number}">Page {number}</a></p>' for number in range(5))
    + _FILLER * 72
    + '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ sender.name }}</p></body></html>'
)
TEXT = """Hello {{ contact.first_name }} {{ contact.last_name }},
every evening the bells of the old town answer each other, and nobody has ever counted them all.
Read on: https://example.com/page/0
Unsubscribe: {{ unsubscribe_url }}
"""


def race(way: str, port: int, count: int) -> None:
    work = {"ours": _our_way, "django": _django_way, "bare": _bare_way}[way](port, count)
    print("ready", flush=True)
    sys.stdin.readline()
    work()
    print(scratch.own_peak_mb(), flush=True)


def _our_way(port: int, count: int) -> Callable[[], object]:
    tasks.tune()
    worker = f"bench:{os.getpid()}"
    return lambda: sending.drain(worker=worker, seconds=900, must_stop=lambda: False, beat=lambda: None)


def _django_way(port: int, count: int) -> Callable[[], object]:
    template, text_template = (engines["django"].from_string(source) for source in (HTML, TEXT))
    contact = {"first_name": "Given", "last_name": "Family", "email": "person@example.com", "attributes": {}}

    def work() -> None:
        backend = EmailBackend(host="127.0.0.1", port=port)
        backend.open()
        for number in range(count):
            context = {"contact": contact, "unsubscribe_url": f"https://example.com/u/{number}"}
            html, text = template.render(context), text_template.render(context)
            mail = EmailMultiAlternatives("News", text, "bench@example.com", [f"p{number}@example.com"])
            mail.attach_alternative(html, "text/html")
            backend.send_messages([mail])
        backend.close()

    return work


def _bare_way(port: int, count: int) -> Callable[[], object]:
    skeleton = Skeleton.make(from_name="Bench", from_email="bench@example.com")
    content = Content("News", "", HTML, TEXT)
    body = skeleton.assemble(content, to_name="", to_email="p@example.com", message_id="1") + b".\r\n"
    commands = b"MAIL FROM:<bench@example.com>\r\nRCPT TO:<p@example.com>\r\nDATA\r\n"

    def work() -> None:
        client = smtplib.SMTP("127.0.0.1", port)
        client.ehlo()
        line, replies = client.sock, client.sock.makefile("rb")
        line.sendall(commands)
        for number in range(count):
            for _ in range(3):
                replies.readline()
            line.sendall(body + (commands if number + 1 < count else b""))
            replies.readline()
        client.close()

    return work

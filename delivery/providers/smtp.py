"""SMTP with persistent, pipelined connections (RFC 2920)."""

from delivery.providers.base import Provider, providers


@providers.register
class Smtp(Provider):
    key = "smtp"
    label = "SMTP server"
    channel = "email"
    fields = {"host": "Host", "port": "Port", "security": "Security", "username": "User name", "password": "Password"}
    secret_fields = frozenset({"password"})


@providers.register
class Sandbox(Smtp):
    key = "sandbox"
    label = "Sandbox mailbox (nothing leaves this machine)"
    fields = {}
    secret_fields = frozenset()

"""The console's pages for delivery."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from delivery.models import Account, Message, SandboxMail


@admin.register(Account)
class AccountAdmin(ModelAdmin):
    pass


@admin.register(Message)
class MessageAdmin(ModelAdmin):
    pass


@admin.register(SandboxMail)
class SandboxMailAdmin(ModelAdmin):
    pass

"""The console's pages for campaigns."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from campaigns.models import Campaign, Sender


@admin.register(Campaign)
class CampaignAdmin(ModelAdmin):
    pass


@admin.register(Sender)
class SenderAdmin(ModelAdmin):
    pass

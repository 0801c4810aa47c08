"""The console's pages for team."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from team.models import ApiKey, User


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    pass


@admin.register(User)
class UserAdmin(ModelAdmin):
    pass

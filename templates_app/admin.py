"""The console's pages for templates_app."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from templates_app.models import Template


@admin.register(Template)
class TemplateAdmin(ModelAdmin):
    pass

"""The console's pages for contacts."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from contacts.models import AttributeDefinition, Contact, ImportJob, Suppression


@admin.register(AttributeDefinition)
class AttributeDefinitionAdmin(ModelAdmin):
    pass


@admin.register(Contact)
class ContactAdmin(ModelAdmin):
    pass


@admin.register(ImportJob)
class ImportJobAdmin(ModelAdmin):
    pass


@admin.register(Suppression)
class SuppressionAdmin(ModelAdmin):
    pass

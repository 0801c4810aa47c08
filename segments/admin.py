"""The console's pages for segments."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from segments.models import Segment


@admin.register(Segment)
class SegmentAdmin(ModelAdmin):
    pass

"""The console's page for the brand: one form, beside what it looks like."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from core.admin import ModelAdmin
from core.errors import Refused
from team import brand, colours, logos
from team.models import Brand


class BrandForm(forms.ModelForm):
    """Colours that can't be read are refused with the nearest one that can."""

    logo_file = forms.FileField(
        label="Logo", required=False, help_text="PNG, JPEG, WebP or GIF, at most 2 MB. Kept as a PNG of 640 × 240.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"}),
    )  # fmt: skip
    website = forms.URLField(required=False, assume_scheme="https", help_text="Where the logo leads.")
    privacy_url = forms.URLField(
        label="Privacy policy", required=False, assume_scheme="https", help_text="At the foot of every public page."
    )
    removes_logo = forms.BooleanField(label="Remove the logo", required=False)

    class Meta:
        model = Brand
        fields = ["name", "accent", "ground", "website", "privacy_url"]
        widgets = {name: forms.TextInput(attrs={"type": "color"}) for name in ("accent", "ground")}

    def clean_accent(self) -> str:
        colour = self._colour("accent")
        reached = colours.contrast(colour, colours.WHITE)
        if reached < colours.TEXT_CONTRAST:
            nearest = colours.readable_on(colours.WHITE, colour)
            raise forms.ValidationError(
                f"On white this colour reaches a contrast of {reached:.1f} to 1, and text needs 4.5. "
                f"The nearest shade that can be read is {nearest}."
            )
        return colour

    def clean_ground(self) -> str:
        return self._colour("ground")

    def _colour(self, name: str) -> str:
        colour: str = self.cleaned_data[name].lower()
        if not colours.HEX.fullmatch(colour):
            raise forms.ValidationError("Write a colour as # and six hexadecimal digits, e.g. #84530f.")
        return colour

    def clean_logo_file(self) -> logos.Logo | None:
        file = self.cleaned_data["logo_file"]
        try:
            return logos.read(file) if file else None
        except Refused as refused:
            raise forms.ValidationError(refused.message) from refused

    def save(self, commit: bool = True) -> Brand:
        logo = self.cleaned_data["logo_file"]
        if logo is not None or self.cleaned_data["removes_logo"]:
            kept: tuple[Any, int, int] = logo or (None, 0, 0)
            self.instance.logo, self.instance.logo_width, self.instance.logo_height = kept
        saved: Brand = super().save(commit)
        return saved


@admin.register(Brand)
class BrandAdmin(ModelAdmin):
    """There is one brand, so its list is its form."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Brand | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        may_change = self.has_change_permission(request)
        if request.method == "POST" and not may_change:
            raise PermissionDenied
        form = BrandForm(request.POST or None, request.FILES or None, instance=brand.current(), label_suffix="")
        if form.is_valid():
            return self._save(request, form)
        return self._page(request, form, may_change=may_change)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("admin:team_brand_changelist")

    def _save(self, request: HttpRequest, form: BrandForm) -> HttpResponse:
        changed = [str(form[name].label) for name in form.changed_data]
        self.log_change(request, form.save(), [{"changed": {"fields": changed}}])
        messages.success(request, "The brand is saved. Public pages wear it from now on.")
        return redirect("admin:team_brand_changelist")

    def _page(self, request: HttpRequest, form: BrandForm, *, may_change: bool) -> HttpResponse:
        kept = brand.current()
        context = {
            "title": "Brand", "form": form, "brand": kept, "palette": brand.palette(kept), "may_change": may_change,
            "opts": Brand._meta,
        }  # fmt: skip
        return TemplateResponse(request, "team/brand.html", self.admin_site.each_context(request) | context)

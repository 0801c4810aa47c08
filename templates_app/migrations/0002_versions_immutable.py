"""A published version never changes: every message that was sent with it must stay explainable."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION templates_version_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NOT NULL THEN
        RAISE EXCEPTION 'A published version never changes: make a new draft from it';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER templates_version_immutable
    BEFORE UPDATE OF template_id, number, subject, preheader, format, source, text_source, compiled_html,
        compiled_text, content_hash, published_at
    ON templates_app_templateversion FOR EACH ROW EXECUTE FUNCTION templates_version_is_immutable();
"""
BACKWARD = """
DROP TRIGGER templates_version_immutable ON templates_app_templateversion;
DROP FUNCTION templates_version_is_immutable();
"""


class Migration(migrations.Migration):
    dependencies = [("templates_app", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

"""The links of a published version never change either: a click token names a row, and that row must stay put."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION templates_link_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR EXISTS (
        SELECT FROM templates_app_templateversion WHERE id = NEW.version_id AND published_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'The links of a published version never change: make a new draft from it';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER templates_link_immutable
    BEFORE INSERT OR UPDATE ON templates_app_link FOR EACH ROW EXECUTE FUNCTION templates_link_is_immutable();
"""
BACKWARD = """
DROP TRIGGER templates_link_immutable ON templates_app_link;
DROP FUNCTION templates_link_is_immutable();
"""


class Migration(migrations.Migration):
    dependencies = [("templates_app", "0002_versions_immutable")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

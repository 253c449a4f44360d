from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_promise_unsent_supervision_mail")]

    operations = [migrations.RemoveField(model_name="supervision", name="mailed_at")]

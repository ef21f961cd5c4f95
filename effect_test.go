package closekit_test

import (
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestClass compares with the classes of Close's own tools for the same.
func TestClass(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]closekit.Class{
		"close_lead_get": closekit.ClassRead, "close_search": closekit.ClassRead,
		"close_lead_create": closekit.ClassSafe, "close_note_create": closekit.ClassSafe, "close_pipeline_create": closekit.ClassSafe, "close_sequence_create": closekit.ClassSafe,
		"close_lead_update": closekit.ClassDestructive, "close_lead_delete": closekit.ClassDestructive, "close_email_template_update": closekit.ClassDestructive,
		"close_field_enrichment_create": closekit.ClassDestructive, "close_webhook_create": closekit.ClassDestructive, "close_lead_merge": closekit.ClassDestructive,
	} {
		tool, err := tools.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := tool.Effect.Class(tool.Creates()); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	draft, err := tools.Lookup("close_email_create")
	if err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string]closekit.Class{
		`{"lead_id":"lead_w7dYmcfVnBQbNyHbfMRwjVTVdTPGBOwpWWQjZKEcPaJ","status":"draft"}`:                                                     closekit.ClassSafe,
		`{"lead_id":"lead_w7dYmcfVnBQbNyHbfMRwjVTVdTPGBOwpWWQjZKEcPaJ","status":"outbox","sender":"ada@example.com","to":["a@acme.example"]}`: closekit.ClassDestructive,
	} {
		effect, err := draft.EffectOf([]byte(input))
		if err != nil {
			t.Fatal(err)
		}
		if got := effect.Class(draft.Creates()); got != want {
			t.Errorf("%s is %s, want %s", input, got, want)
		}
	}
}

func TestEffectNames(t *testing.T) {
	t.Parallel()
	for e, want := range map[closekit.Effect]string{
		closekit.Read:                         "read",
		closekit.Write:                        "write",
		closekit.Overwrite:                    "overwrite",
		closekit.Destructive:                  "destructive",
		closekit.Sends:                        "write, sends",
		closekit.Overwrite | closekit.Sends:   "overwrite, sends",
		closekit.Egress | closekit.Admin:      "write, egress, admin",
		closekit.Destructive | closekit.Admin: "destructive, admin",
		closekit.Destructive | closekit.Sends |
			closekit.Egress | closekit.Admin: "destructive, sends, egress, admin",
	} {
		if got := e.String(); got != want {
			t.Errorf("%d is %q, want %q", uint8(e), got, want)
		}
	}
	if e := closekit.Destructive | closekit.Admin; !e.Has(closekit.Overwrite) || !e.Has(closekit.Write) || e.Has(closekit.Sends) || !e.Has(closekit.Read) {
		t.Errorf("%s has the wrong members", e)
	}
}

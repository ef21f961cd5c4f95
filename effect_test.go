package closekit_test

import (
	"testing"

	"github.com/closekit/closekit"
)

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

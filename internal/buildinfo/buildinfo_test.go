package buildinfo

import "testing"

func TestText(t *testing.T) {
	if got := Text("1.2.3"); got != "1.2.3" {
		t.Error(got)
	}
	if got := Text(""); got == "" {
		t.Error("no version at all")
	}
	version, commit = "1.3.0", "0123456789ab"
	defer func() { version, commit = "", "" }()
	if got := Text("1.2.3"); got != "1.3.0 (0123456789ab)" {
		t.Error(got)
	}
}

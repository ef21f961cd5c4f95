package crm

import "testing"

func TestE164(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"8004445555": "+18004445555", "18004445555": "+18004445555", "+49 (30) 1234-56": "+4930123456", "12345": "+12345", "1234": "", "x": "",
		"+": "", "1234567890123456": "", "80+04445555": "",
	} {
		got, ok := e164(in)
		if got != want || ok != (want != "") {
			t.Errorf("e164(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
	if got := phoneCountry("+999123"); got != "" {
		t.Errorf("got country %q", got)
	}
}

func TestMoney(t *testing.T) {
	t.Parallel()
	if got := percent(-333, 50); got != -167 {
		t.Errorf("got %d", got)
	}
	if got := formatMoney(-9223372036854775808, "CHF"); got != "-CHF 92,233,720,368,547,758.08" {
		t.Errorf("got %s", got)
	}
}

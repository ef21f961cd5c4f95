package crm

import "testing"

func TestMoney(t *testing.T) {
	t.Parallel()
	if got := percent(-333, 50); got != -167 {
		t.Errorf("got %d", got)
	}
	if got := formatMoney(-9223372036854775808, "CHF"); got != "-CHF 92,233,720,368,547,758.08" {
		t.Errorf("got %s", got)
	}
}

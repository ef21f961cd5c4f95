package wiretest

import (
	"encoding/json"
	"testing"

	"github.com/closekit/closekit/closeapi"
)

// TestNullListIsNoMismatch: a null list or object is an absence that encoding
// reproduces, unlike null for a plain field.
func TestNullListIsNoMismatch(t *testing.T) {
	t.Parallel()
	const sent = `{"id":"lead_1","contacts":null,"addresses":null}`
	var lead closeapi.Lead
	if err := json.Unmarshal([]byte(sent), &lead); err != nil {
		t.Fatal(err)
	}
	if lead.Contacts != nil || lead.Addresses != nil || len(lead.Mismatches()) != 0 {
		t.Errorf("contacts %v, addresses %v, mismatches %q", lead.Contacts, lead.Addresses, lead.Mismatches())
	}
	if got, err := json.Marshal(&lead); err != nil || string(got) != sent {
		t.Errorf("encoded as %s, %v; want %s", got, err, sent)
	}
	if err := json.Unmarshal([]byte(`{"id":null}`), &lead); err != nil || len(lead.Mismatches()) != 1 {
		t.Errorf("null for a plain field: %v, mismatches %q", err, lead.Mismatches())
	}
}

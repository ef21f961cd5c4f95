package agent

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/closekit/closekit/closeapi/tools"
)

// TestCanonical compares the canonical form with that of encoding/json, which pending
// approvals of other releases are found by.
func TestCanonical(t *testing.T) {
	t.Parallel()
	list := []string{
		`{}`, ` {"b":1,"a":[1.50,{"d":null,"c":true}]} `, `{"a":"x","a":"y"}`, `{"a":"<b>&amp;"}`, `{"<":1}`, `{"a":"\u0041\n"}`, `{"ä":"ö🙂"}`,
		"{\"a\":\"\u2028\"}", "{\"a\":\"\xff\"}", `[]`, `[1, 2 ,"x"]`, `"x"`, `12`, `1e3`, `null`, `nul`, `{"a":}`, `{"a":1`, ``, `{"a":1} x`, `[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]`,
	}
	for _, tool := range tools.All() {
		for _, e := range tool.Info().Examples {
			list = append(list, string(e.Input))
		}
	}
	for _, in := range list {
		want := []byte(in)
		d := json.NewDecoder(bytes.NewReader(want))
		d.UseNumber()
		var v any
		if d.Decode(&v) == nil {
			want, _ = json.Marshal(v)
		}
		if got := canonical([]byte(in)); !bytes.Equal(got, want) {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

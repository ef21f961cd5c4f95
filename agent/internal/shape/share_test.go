package shape_test

import (
	"encoding/json"
	"testing"

	"github.com/closekit/closekit/agent/internal/crowd"
	"github.com/closekit/closekit/agent/internal/shape"
)

// TestShareOfRaw tests how much of Close's responses answers are, by the estimate of
// tokens; agent/bench counts them with the vocabulary of a model.
func TestShareOfRaw(t *testing.T) {
	t.Parallel()
	m := start(t)
	if err := crowd.Fill(2, func(tool, input string) (json.RawMessage, error) {
		r := m.s.Call(t.Context(), tool, []byte(input))
		return r.JSON, r.Err
	}); err != nil {
		t.Fatal(err)
	}
	for _, l := range crowd.Lists {
		raw := m.s.Call(t.Context(), l.Tool, []byte(crowd.Raw))
		r := m.s.Call(t.Context(), l.Tool, []byte(crowd.Input))
		if raw.Err != nil || r.Err != nil {
			t.Fatal(raw.Err, r.Err)
		}
		all, answer := shape.Tokens(raw.JSON), shape.Tokens([]byte(r.Text))
		share := 100 * float64(answer) / float64(all)
		t.Logf("%s: %d of %d tokens, %.1f %%", l.Tool, answer, all, share)
		if share > float64(l.Most) || answer > 4000 {
			t.Errorf("%s: %d of %d tokens, %.1f %%, want at most %d %%\n%s", l.Tool, answer, all, share, l.Most, clip(r.Text))
		}
	}
}

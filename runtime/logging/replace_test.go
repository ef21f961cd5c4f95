package logging_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/runtime/logging"
)

// TestReplaceAttr logs results and lists of them with both handlers.
func TestReplaceAttr(t *testing.T) {
	t.Parallel()
	const key = "5f0c9d1e"
	var hook closeapi.Webhook
	var page closekit.Page[closeapi.Webhook]
	var lead closeapi.Lead
	for text, to := range map[string]any{
		`{"id":"whsub_1","signature_key":"` + key + `","unknown":1}`:         &hook,
		`{"data":[{"id":"whsub_1","signature_key":"` + key + `"}],"more":2}`: &page,
		`{"id":"lead_1","unknown":1}`:                                        &lead,
	} {
		if err := json.Unmarshal([]byte(text), to); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		value any
		want  string // in JSON; "" if the value stays as it is
	}{
		"result":         {hook, `{"id":"whsub_1","signature_key":"[redacted]","unknown":1}`},
		"pointer":        {&hook, `{"id":"whsub_1","signature_key":"[redacted]","unknown":1}`},
		"list":           {[]closeapi.Webhook{hook, hook}, `[{"id":"whsub_1","signature_key":"[redacted]","unknown":1},{"id":"whsub_1","signature_key":"[redacted]","unknown":1}]`},
		"pointers":       {[]*closeapi.Lead{&lead}, `[{"id":"lead_1","unknown":1}]`},
		"array":          {[1]closeapi.Lead{lead}, `[{"id":"lead_1","unknown":1}]`},
		"page":           {page, `{"data":[{"id":"whsub_1","signature_key":"[redacted]"}],"more":2}`},
		"empty list":     {[]closeapi.Lead{}, ""},
		"nil pointer":    {(*closeapi.Lead)(nil), ""},
		"nil in a list":  {[]*closeapi.Lead{nil}, ""},
		"time":           {at, ""},
		"times":          {[]time.Time{at}, ""},
		"nothing":        {nil, ""},
		"text":           {"x", ""},
		"a list of text": {[]string{"x"}, ""},
	} {
		var got, plain [2]bytes.Buffer
		for i, opts := range []*slog.HandlerOptions{{ReplaceAttr: logging.ReplaceAttr}, nil} {
			b := &got
			if i == 1 {
				b = &plain
			}
			for _, h := range []slog.Handler{slog.NewTextHandler(&b[0], opts), slog.NewJSONHandler(&b[1], opts)} {
				r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
				r.AddAttrs(slog.Any("v", c.value))
				if err := h.Handle(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
		}
		text, js := got[0].String(), got[1].String()
		if c.want == "" {
			if text != plain[0].String() || js != plain[1].String() {
				t.Errorf("%s changed: %s%s", name, text, js)
			}
			continue
		}
		quoted, err := json.Marshal(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "v="+string(quoted)) || !strings.Contains(js, `"v":`+c.want+`}`) {
			t.Errorf("%s: %s%s", name, text, js)
		}
	}
}

package wire_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/wire"
)

// quickly fails the test if f needs longer than work that is linear could.
func quickly(t *testing.T, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}

// members returns an object with n members.
func members(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ","+format, i)
	}
	return "{" + b.String()[1:] + "}"
}

// TestManyMembers decodes and encodes objects with far more members than Close
// sends.
func TestManyMembers(t *testing.T) {
	t.Parallel()
	const n = 50_000
	for _, format := range []string{`"key_%d":1`, `"custom.cf_%d":1`} {
		quickly(t, func() {
			in := members(n, format)
			var v thing
			if err := json.Unmarshal([]byte(in), &v); err != nil {
				t.Fatal(err)
			}
			out, err := v.MarshalJSON()
			if err != nil || string(out) != in {
				t.Errorf("%.100s, %v", out, err)
			}
			if raw, ok := v.Raw("key_49999"); ok != strings.HasPrefix(format, `"key`) || ok && string(raw) != "1" {
				t.Errorf("%s, %v", raw, ok)
			}
		})
	}
	quickly(t, func() { // with mismatches and numbers in another format
		in := `{"count":"x","ratio":1.0,` + members(n, `"key_%d":1`)[1:]
		var v thing
		if err := json.Unmarshal([]byte(in), &v); err != nil {
			t.Fatal(err)
		}
		if out, err := v.MarshalJSON(); err != nil || len(out) != len(in) {
			t.Errorf("%d bytes, want %d: %v", len(out), len(in), err)
		}
	})
	quickly(t, func() { // twice: the last one is used
		in := members(n, `"key_%d":1`)
		var v thing
		if err := json.Unmarshal([]byte(in[:len(in)-1]+","+members(n, `"key_%d":2`)[1:]), &v); err != nil {
			t.Fatal(err)
		}
		if out, _ := v.MarshalJSON(); string(out) != members(n, `"key_%d":2`) {
			t.Errorf("%.100s", out)
		}
	})
}

func TestManyMembersOfInput(t *testing.T) {
	t.Parallel()
	const n = 40_000
	for about, in := range map[string]string{
		"unknown":              members(n, `"key_number_%d":1`),
		"unknown, nested":      `{"contacts":[` + members(n, `"key_number_%d":1`) + `]}`,
		"near":                 members(n, `"statu%d":1`),
		"custom fields":        `{"custom_fields":` + members(n, `"cf_%d":{}`) + `}`,
		"custom fields beside": members(n, `"custom.cf_%d":{}`),
		"bad names of fields":  `{"custom_fields":` + members(n, `"no field %d":1`) + `}`,
		"ids":                  `{"contact_ids":[` + strings.Repeat(`"x",`, n-1) + `"x"]}`,
		"types":                `{"contacts":[` + strings.Repeat(`5,`, n-1) + `5]}`,
		"twice":                `{"name":"a"` + strings.Repeat(`,"name":"b"`, n) + `}`,
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			quickly(t, func() {
				_, err := create.Parse([]byte(`{"lead_id":"lead_a","key":"k",` + in[1:]))
				var v *closekit.ValidationError
				if !errors.As(err, &v) || len(v.Problems) != 10 || v.More != n-10 {
					t.Fatalf("%.500v", err)
				}
				text := err.Error()
				if !strings.HasSuffix(text, "\n  and 39990 more") || !strings.Contains(text, "40000 problems") || len(text) > 10_000 {
					t.Errorf("%.3000s", text)
				}
			})
		})
	}
	quickly(t, func() { // valid
		p, err := update.Parse([]byte(`{"lead_id":"lead_a","key":"k","custom_fields":` + members(n, `"cf_%d":1`) + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := update.Validate(p); err != nil {
			t.Error(err)
		}
	})
}

// TestProblemsAreClean puts hostile names and values into everything that a problem
// repeats.
func TestProblemsAreClean(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"\x1b[2Jx", "\u202Egpj.exe", "\u2066x", "\u009bx", "\x7fx", "a\nb", strings.Repeat("x", 100_000), strings.Repeat("\u202e", 100_000)} {
		q, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		name := string(q)
		if !strings.Contains(bad, "\x1b") && !strings.Contains(bad, "\n") {
			name = `"` + bad + `"` // not escaped
		}
		for _, in := range []string{
			`{` + name + `:1}`, `{"pause":` + name + `}`, `{"contacts":[{` + name + `:1}]}`, `{"count":` + name + `}`, `{"count":[` + name + `]}`, `{"status":` + name + `}`, `{"lead_id":` + name + `}`,
			`{"email":` + name + `}`, `{"custom_fields":{` + name + `:1}}`, `{"custom_fields":{"cf_a":{` + name + `:1}}}`, `{"custom.` + name[1:] + `:1}`, `[` + name + `]`, name,
			`{"timezone":"a ` + name[1:] + `}`, `{"contact_ids":[` + name + `]}`, `{"home":` + name + `}`, `{` + name + `:1,` + name + `:1}`,
		} {
			_, err := create.Parse([]byte(in))
			if err == nil {
				t.Errorf("%.100q is accepted", in)
				continue
			}
			text := strings.ReplaceAll(err.Error(), "\n  ", " ")
			if i := strings.IndexFunc(text, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }); i >= 0 {
				t.Errorf("%.100q: %q", in, text)
			}
			if len(text) > 5_000 {
				t.Errorf("%.100q: %d bytes", in, len(text))
			}
		}
	}
}

// TestDecodingIsCancelable ends the context while a large response is decoded.
func TestDecodingIsCancelable(t *testing.T) {
	t.Parallel()
	for about, body := range map[string]string{
		"unknown members": members(20_000, `"key_%d":1`),
		"objects":         `{"children":[` + strings.Repeat(`{},`, 20_000) + `{}]}`,
		"arrays":          `{"any":[` + strings.Repeat(`[],`, 20_000) + `[]]}`,
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := answering(func() string { cancel(); return body })
			_, err := wire.Call[thing](ctx, c, &create, valid(), nil)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%.200v", err)
			}
		})
	}
}

// answering returns a client that answers every call with the body.
func answering(body func() string) *closekit.Client {
	return closekit.NewClient(closekit.APIKey("key"), closekit.WithMiddleware(func(closekit.RoundTrip) closekit.RoundTrip {
		return func(*closekit.Attempt) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(&lateReader{body: body})}, nil
		}
	}))
}

// lateReader asks for its body when it is first read.
type lateReader struct {
	body func() string
	r    io.Reader
}

func (l *lateReader) Read(b []byte) (int, error) {
	if l.r == nil {
		l.r = strings.NewReader(l.body())
	}
	return l.r.Read(b)
}

package closekit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/logging"
)

// containsSecret looks for the test key in its different encodings.
func containsSecret(s string) bool {
	return strings.Contains(s, testKey) || strings.Contains(s, "verysecret") || strings.Contains(s, strings.TrimPrefix(testHeader, "Basic ")) || strings.Contains(s, fmt.Sprintf("%x", testHeader))
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	cred := closekit.BasicCredential(testKey)
	source := closekit.APIKey(testKey)
	c := closekit.NewClient(source)
	type hidden struct {
		cred   closekit.Credential
		source closekit.Source
		client *closekit.Client
	}
	for name, v := range map[string]any{
		"credential": cred, "credential pointer": &cred, "bearer": closekit.BearerCredential(testKey), "source": source, "bearer source": closekit.Bearer(testKey), "client": c, "client value": *c,
		"inside": struct{ C closekit.Credential }{cred}, "unexported": hidden{cred, source, c}, "pointer": &hidden{cred, source, c}, "list": []closekit.Credential{cred}, "map": map[string]any{"a": cred, "b": hidden{cred, source, c}},
		"attempt": closekit.Attempt{},
	} {
		for _, f := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%w", "%08b"} {
			if got := fmt.Sprintf(f, v); containsSecret(got) {
				t.Errorf("%s with %s: %s", name, f, got)
			}
		}
		if b, err := json.Marshal(v); err == nil && containsSecret(string(b)) {
			t.Errorf("%s as JSON: %s", name, b)
		}
		var text, js bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&js, nil)).Info("x", slog.Any("v", v))
		if containsSecret(text.String()) || containsSecret(js.String()) {
			t.Errorf("%s in a log: %s%s", name, &text, &js)
		}
	}
	for _, f := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(f, cred); got != "[redacted]" {
			t.Errorf("%s: %s", f, got)
		}
	}
	if b, err := cred.MarshalText(); string(b) != "[redacted]" || err != nil {
		t.Errorf("%s", b)
	}
	if got := fmt.Sprintf("%v %#v", c, c); got != "close client for https://api.close.com close client for https://api.close.com" {
		t.Error(got)
	}
}

// strings returns all text that a printer can reach in v, through pointers and
// unexported fields.
func reachable(v reflect.Value, depth int, list []string) []string {
	if depth > 20 {
		return list
	}
	switch v.Kind() {
	case reflect.String:
		list = append(list, v.String())
	case reflect.Pointer, reflect.Interface:
		list = reachable(v.Elem(), depth+1, list)
	case reflect.Struct:
		for i := range v.NumField() {
			list = reachable(v.Field(i), depth+1, list)
		}
	case reflect.Slice, reflect.Array:
		for i := range min(v.Len(), 100) {
			list = reachable(v.Index(i), depth+1, list)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			list = reachable(it.Value(), depth+1, reachable(it.Key(), depth+1, list))
		}
	default:
	}
	return list
}

// TestDeepPrinters follows pointers into unexported fields, as some printers do.
func TestDeepPrinters(t *testing.T) {
	t.Parallel()
	var kept []*closekit.Attempt
	c, _ := client(ok)
	c = c.With(nil, closekit.WithMiddleware(func(next closekit.RoundTrip) closekit.RoundTrip {
		return func(a *closekit.Attempt) (*http.Response, error) {
			kept = append(kept, a)
			return next(a)
		}
	}))
	if err := calls["POST"](t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{
		"credential": closekit.BasicCredential(testKey), "source": closekit.APIKey(testKey), "bearer": closekit.Bearer(testKey),
		"client": closekit.NewClient(closekit.APIKey(testKey)), "attempt": struct {
			Number int
			cred   any
		}{1, reflect.ValueOf(kept[0]).Elem().FieldByName("cred")},
	} {
		for _, s := range reachable(reflect.ValueOf(v), 0, nil) {
			if containsSecret(s) {
				t.Errorf("%s: %q", name, s)
			}
		}
	}
}

func TestCredentialEqual(t *testing.T) {
	t.Parallel()
	a, b, zero := closekit.BasicCredential(testKey), closekit.BasicCredential(testKey), closekit.Credential{}
	if !a.Equal(b) || a.Equal(closekit.BasicCredential("other")) || a.Equal(closekit.BearerCredential(testKey)) || a.Equal(zero) || zero.Equal(a) || !zero.Equal(closekit.Credential{}) || !zero.IsZero() || a.IsZero() {
		t.Error("Equal or IsZero")
	}
}

// TestLog makes calls with all outcomes and checks the log.
func TestLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testLog)
}

func testLog(t *testing.T) {
	var buf bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, _ := client(
		ok,
		respond(503, `{"error":"secret name"}`, "Retry-After", "0"), reset, ok,
		respond(400, `{"field-errors":{"name":"secret name"}}`),
		respond(307, "", "Location", "https://evil.example.com/item_secretid?query=secret"),
		respond(200, "<html>item_secretid"),
	)
	c = c.With(nil, logging.Logger(logger), closekit.MaxWait(time.Hour))
	if _, err := get(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	line := map[string]any{}
	if err := json.Unmarshal(buf.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["level"] != "DEBUG" || line["tool"] != "close_item_get" || line["method"] != "GET" || line["path"] != "/api/v1/item/{item_id}/" || line["attempt"] != 1.0 || line["status"] != 200.0 || line["duration"] == nil || line["error"] != nil {
		t.Errorf("%v", line)
	}
	buf.Reset()
	if _, err := list(t.Context(), c, listParams{Query: closekit.Some("secret name"), IDs: []string{"item_secretid"}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, _ = put(t.Context(), c)
	}
	out := buf.String()
	for _, bad := range []string{"secretid", "secret name", "query", "Authorization", "Basic"} {
		if strings.Contains(out, bad) || containsSecret(out) {
			t.Errorf("the log has %q:\n%s", bad, out)
		}
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines:\n%s", len(lines), out)
	}
	for i, want := range []string{`"attempt":1`, `"attempt":2`, `"attempt":3`, `"status":400`, `refusing redirect`, `"status":200`} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d lacks %s: %s", i, want, lines[i])
		}
		if warn := i != 2 && i != 5; warn != strings.Contains(lines[i], `"WARN"`) {
			t.Errorf("level of line %d: %s", i, lines[i])
		}
	}
}

func TestErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testErrorsShowNoSecret)
}

func testErrorsShowNoSecret(t *testing.T) {
	for name, s := range map[string]step{
		"answer": respond(400, `{"error":"bad","field-errors":{"a":"b"},"hidden":"`+testKey+`"}`), "page": respond(500, "<html>"+testKey), "decode": respond(200, testKey),
		"transport": reset, "refused": refused, "redirect": respond(302, "", "Location", "https://other.example.com/"+testKey),
	} {
		c, _ := client(s)
		_, err := post(t.Context(), c)
		if err == nil {
			t.Fatal(name)
		}
		var text, js bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Error("x", "err", err)
		slog.New(slog.NewJSONHandler(&js, nil)).Error("x", "err", err)
		all := text.String() + js.String()
		for _, f := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			all += fmt.Sprintf(f, err)
		}
		if b, err := json.Marshal(err); err == nil {
			all += string(b)
		}
		for _, bad := range []string{"secret name", "secretid", "hidden"} {
			if strings.Contains(all, bad) || containsSecret(all) {
				t.Errorf("%s shows %s: %s", name, bad, all)
			}
		}
	}
}

var _ http.RoundTripper = (*script)(nil)

package closekit_test

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/closekit/closekit"
)

// TestEscapeHatch calls endpoints with any JSON in and out.
func TestEscapeHatch(t *testing.T) {
	t.Parallel()
	type thing struct {
		Name string `json:"name"`
	}
	c, s := client(respond(200, `{"name":"n"}`))
	var out thing
	if err := c.Get(t.Context(), "/thing/x_1/?_fields=name&q=a+b", &out); err != nil || out.Name != "n" || s.body[0] != "" || s.seen[0].URL.String() != "https://api.close.com/api/v1/thing/x_1/?_fields=name&q=a+b" {
		t.Errorf("%v, %+v, %s", err, out, s.seen[0].URL)
	}
	var anything any
	if err := c.Post(t.Context(), "/api/v1/thing/", thing{"a"}, &anything); err != nil || s.body[1] != `{"name":"a"}` || s.seen[1].Method != "POST" || anything.(map[string]any)["name"] != "n" {
		t.Errorf("%v, %q, %v", err, s.body, anything)
	}
	raw := json.RawMessage("kept")
	if err := c.Put(t.Context(), "/thing/x_1/", json.RawMessage(` {"b":1, "a":"<"}`), &raw); err != nil || s.body[2] != ` {"b":1, "a":"<"}` || string(raw) != `{"name":"n"}` {
		t.Errorf("%v, %q, %s", err, s.body, raw)
	}
	if err := c.Delete(t.Context(), "/thing/x_1/", nil); err != nil || s.seen[3].Method != "DELETE" || s.body[3] != "" || s.seen[3].Header.Get("Content-Type") != "" {
		t.Errorf("%v, %q", err, s.body)
	}
	for _, in := range []any{[]int{1, 2}, "text", 5, map[string]any{"a": nil}, true} {
		want, _ := json.Marshal(in)
		c, s := client(respond(200, `null`))
		if err := c.Post(t.Context(), "/thing/", in, &anything); err != nil || s.body[0] != string(want) || anything != nil {
			t.Errorf("%v: %v, %q", in, err, s.body)
		}
	}

	// An empty response is an object after a change, and an error of a read.
	c, _ = client(respond(204, ""))
	if err := c.Delete(t.Context(), "/thing/x_1/", &raw); err != nil || string(raw) != "{}" {
		t.Errorf("%v, %s", err, raw)
	}
	if err := c.Put(t.Context(), "/thing/x_1/", thing{}, &anything); err != nil {
		t.Error(err)
	}
	for _, out := range []any{&raw, &anything, &out} {
		as[*closekit.DecodeError](t, c.Get(t.Context(), "/thing/x_1/", out))
	}
	c, _ = client(respond(200, "<html>"))
	for _, out := range []any{&raw, &anything, &out} {
		if err := c.Post(t.Context(), "/thing/", nil, out); !as[*closekit.DecodeError](t, err).MaybeDone {
			t.Error(err)
		}
	}
	c, _ = client(notFound)
	if err := c.Get(t.Context(), "/thing/x_1/", &out); !closekit.IsNotFound(err) {
		t.Error(err)
	}
}

// TestEscapeHatchStaysOnHost sends nothing, and asks for no credential.
func TestEscapeHatchStaysOnHost(t *testing.T) {
	t.Parallel()
	c, s := client(ok)
	c = c.With(sourceFunc(func(context.Context) (closekit.Credential, error) {
		t.Error("the credential was read")
		return closekit.BasicCredential(testKey), nil
	}))
	for _, path := range []string{
		"", "?a=b", "lead/", "//evil.example.com/", "https://evil.example.com/", "/api/v1//evil.example.com/", "@evil.example.com/", "/\\evil.example.com/", "/../../x/", "/%2e%2e/x/",
		"/lead/#x", "/lead/?a=b#x", "/lead/?a=b c", "/lead/?a\r\nX: y", "/lead\n/", ":80/",
	} {
		for method, err := range map[string]error{
			"GET": c.Get(t.Context(), path, nil), "POST": c.Post(t.Context(), path, nil, nil), "PUT": c.Put(t.Context(), path, nil, nil), "DELETE": c.Delete(t.Context(), path, nil),
		} {
			if err == nil {
				t.Errorf("%s %q passes", method, path)
			}
		}
	}
	for _, in := range []any{func() {}, math.NaN(), json.RawMessage(`{"a":`), json.RawMessage("")} {
		if err := c.Post(t.Context(), "/thing/", in, nil); err == nil || !strings.Contains(err.Error(), "POST: cannot encode the input: ") {
			t.Errorf("%v: %v", in, err)
		}
	}
	if s.count() != 0 {
		t.Error("something was sent")
	}
}

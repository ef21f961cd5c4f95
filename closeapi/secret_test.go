package closeapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// TestSignatureKey prints the key of a webhook in every way that is not meant for it,
// and reads it in those that are.
func TestSignatureKey(t *testing.T) {
	t.Parallel()
	const key = "5f0c9d1e8a7b6c5d4e3f2a1b0c9d8e7f5f0c9d1e8a7b6c5d4e3f2a1b0c9d8e7f"
	const sent = `{"id":"whsub_1","url":"https://vendor.example/hook","signature_key":"` + key + `"}`
	h := &host{answers: map[string]string{"POST /api/v1/webhook/": sent}}
	hook, err := closeapi.WebhookCreate(t.Context(), h.client(), closeapi.WebhookCreateParams{
		URL: "https://vendor.example/hook", Events: []closeapi.WebhookEvent{{ObjectType: "lead", Action: "created"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if hook.SignatureKey.Reveal() != key || hook.SignatureKey.IsZero() {
		t.Errorf("the key is %q", hook.SignatureKey.Reveal())
	}
	page := closekit.Page[closeapi.Webhook]{Data: []closeapi.Webhook{*hook}}
	hidden := struct {
		hook *closeapi.Webhook
		key  closekit.Secret
	}{hook, hook.SignatureKey}
	for name, v := range map[string]any{
		"key": hook.SignatureKey, "pointer to the key": &hook.SignatureKey, "keys": []closekit.Secret{hook.SignatureKey}, "by name": map[string]closekit.Secret{"a": hook.SignatureKey},
		"in a struct": struct{ Key closekit.Secret }{hook.SignatureKey}, "webhook": *hook, "pointer to the webhook": hook, "webhooks": []closeapi.Webhook{*hook}, "page": page, "pointer to the page": &page,
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%T", "%U", "%10.5s"} {
			shows(t, name+" with "+verb, fmt.Sprintf(verb, v), key)
		}
		var text, js bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v)
		shows(t, name+" in a text log", text.String(), key)
		if !strings.Contains(name, "webhook") && !strings.Contains(name, "page") { // MarshalJSON keeps it
			slog.New(slog.NewJSONHandler(&js, nil)).Info("x", "v", v)
			shows(t, name+" in a JSON log", js.String(), key)
		}
	}
	if got := fmt.Sprint(hidden.key); got != "[redacted]" {
		t.Error(got)
	}
	if got := hook.SignatureKey.String() + hook.SignatureKey.GoString(); got != "[redacted][redacted]" {
		t.Error(got)
	}
	// A stored result can be read back, with null and without the member.
	for _, body := range []string{sent, `{"signature_key":""}`, `{"signature_key":null}`, `{"signature_key":5}`, `{}`, `{"data":1}`} {
		var again closeapi.Webhook
		if err := json.Unmarshal([]byte(body), &again); err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(again); err != nil || string(b) != body {
			t.Errorf("%s became %s, %v", body, b, err)
		}
		if again.SignatureKey.IsZero() && again.SignatureKey.String() != "" {
			t.Errorf("no key is printed as %s", again.SignatureKey)
		}
	}
	if b, err := hook.MarshalText(); err != nil || string(b) != strings.Replace(sent, key, "[redacted]", 1) {
		t.Errorf("%s, %v", b, err)
	}
	if hook.SignatureKey.Reveal() != key {
		t.Error("logging changed the webhook")
	}
	if b, err := page.MarshalText(); err != nil || !strings.Contains(string(b), `"signature_key":"[redacted]"`) {
		t.Errorf("%s, %v", b, err)
	}
}

// shows reports text in which a part of a key is to be seen, also in hexadecimal.
func shows(t *testing.T, where, text, key string) {
	t.Helper()
	low := strings.ToLower(text)
	for _, part := range []string{key[:6], fmt.Sprintf("%x", key[:4]), fmt.Sprintf("% x", key[:4])} {
		if strings.Contains(low, part) {
			t.Errorf("%s: %s", where, text)
		}
	}
}

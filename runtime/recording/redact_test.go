package recording

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func TestRedactText(t *testing.T) {
	t.Parallel()
	r := newRedactor([]string{"hunter22"})
	for _, s := range []string{
		"ann@acme.example", "Ann <Ann.O'Hara+x@acme.example>, call +49 30 1234567", "mailto:ann%40acme.example", "(415) 555-0123", "+14155550123",
		"415.555.0123", "Authorization: Bearer abcdef123456", "https://ann:pass@host/x", "?access_token=abc123", `{"api_key":"abc"}`,
		"api_3kQ9xYz12345678", "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "it says hunter22 here",
	} {
		out := r.text(s)
		for _, secret := range []string{"ann@", "ann%40", "Hara", "1234567", "555-0123", "5550123", "555.0123", "abcdef123456", "pass@", "abc123", `"abc"`, "3kQ9", "eyJzd", "hunter22"} {
			if strings.Contains(s, secret) && strings.Contains(out, secret) {
				t.Errorf("%q became %q, which has %q", s, out, secret)
			}
		}
		if again := r.text(s); again != out {
			t.Errorf("%q became %q and %q", s, out, again)
		}
	}
	for _, s := range []string{"2026-11-28T10:00:00.123456+00:00", "2026-11-28", "lead_w7dYmcfVnBQbNyHbfMRwjVTVdTPGBOwpWWQjZKEcPaJ", "Acme, 12 employees", "$500 monthly"} {
		if out := r.text(s); out != s {
			t.Errorf("%q became %q", s, out)
		}
	}
	if r.text("write to ann@acme.example.") != "write to "+r.text("Ann@Acme.example")+"" {
		t.Error("one address has two replacements")
	}
	if a, b := r.text("+1 (415) 555-0123"), "+"+r.text("415-555-0123"); a != b {
		t.Errorf("one number became %s and %s", a, b)
	}
	if other := newRedactor(nil); other.text("ann@acme.example") == r.text("ann@acme.example") {
		t.Error("another recording has the same replacement")
	}
}

func TestRedactJSON(t *testing.T) {
	t.Parallel()
	r := newRedactor(nil)
	in := `{"id":"lead_1","signature_key":"00ff","deep":{"tokens":["a1","b2"]},"phone":"12345","n":1200000,"phone_number":14155550123,"ann@acme.example":1,"z":1.50,"a":null,"b":true}`
	out, text := r.json([]byte(in))
	if text != "" || !json.Valid(out) {
		t.Fatalf("got %q and %q", out, text)
	}
	for _, secret := range []string{"00ff", `"a1"`, `"b2"`, "12345", "14155550123", "ann@"} {
		if strings.Contains(string(out), secret) {
			t.Errorf("%s has %q", out, secret)
		}
	}
	for _, kept := range []string{`{"id":"lead_1","signature_key":`, `"n":1200000`, `"z":1.50,"a":null,"b":true}`} {
		if !strings.Contains(string(out), kept) {
			t.Errorf("%s lacks %s", out, kept)
		}
	}
	if out, text := r.json([]byte(`{"a":"ann@acme.example`)); out != nil || strings.Contains(text, "ann@") || text == "" {
		t.Errorf("text that is no JSON: %q %q", out, text)
	}
}

// FuzzRedact plants secrets into any text, in a body, a query, a path and an error, and
// wants none of them back.
func FuzzRedact(f *testing.F) {
	const (
		address = "zq.planted+tag@secret-host.example"
		phone   = "+14159265358"
		local   = "(415) 926-5358"
		token   = "Zx9Planted0Token"
		key     = "api_Zx9PlantedKey.Kq"
		hidden  = "planted value"
	)
	f.Add("a note: ", " and more", uint8(0))
	f.Add("2026-11-28T10:00:00.", "", uint8(1))
	f.Add("aa_", "abcdefghijklmnopqrstuvwxyz", uint8(2))
	f.Add(`{"x":"`, `"}`, uint8(3))
	f.Add("person-", "@redacted.example", uint8(4))
	f.Add("redacted-", "0123456789ab", uint8(5))
	f.Add("a\x00@", "abcdefghijklmnopqrstuvwxyz", uint8(0)) // an address behind what looks like one
	f.Fuzz(func(t *testing.T, before, after string, which uint8) {
		r := newRedactor([]string{hidden})
		secret := []string{address, phone, local, "token=" + token, key, hidden, "Bearer " + token}[int(which)%7]
		planted := before + secret + after
		outputs := []string{r.text(planted), unescape(r.query(url.Values{"q": {planted}}.Encode())), unescape(r.path("/lead/" + url.PathEscape(planted) + "/"))}
		for _, v := range []any{planted, []string{planted}, map[string]any{planted: planted, "phones": []any{map[string]any{"phone": planted}}}} {
			body, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			out, text := r.json(body)
			var back any
			if text != "" || json.Unmarshal(out, &back) != nil {
				t.Fatalf("%q became %q %q", body, out, text)
			}
			outputs = append(outputs, flat(back))
			_, text = r.json(body[:len(body)-1])
			outputs = append(outputs, text)
		}
		for _, out := range outputs {
			for _, s := range []string{"zq.planted", "secret-host", "4159265358", "926-5358", token, "PlantedKey", hidden} {
				if strings.Contains(planted, s) && strings.Contains(secret, s) && strings.Count(before+after, s) == 0 && strings.Contains(out, s) {
					t.Fatalf("%q in %q became %q", secret, planted, out)
				}
			}
		}
	})
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// flat returns all texts of a value.
func flat(v any) string {
	var b strings.Builder
	switch v := v.(type) {
	case string:
		b.WriteString(v)
	case []any:
		for _, e := range v {
			b.WriteString(flat(e) + "\n")
		}
	case map[string]any:
		for name, e := range v {
			b.WriteString(name + "\n" + flat(e) + "\n")
		}
	}
	return b.String()
}

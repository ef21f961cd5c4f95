package accounts

import (
	"bytes"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"
)

func TestSecretShowsNothing(t *testing.T) {
	t.Parallel()
	type holder struct {
		Public  Secret
		private Secret
		Pointer *Secret
		List    []Secret
		Map     map[string]Secret
		Any     any
	}
	s := NewSecret(canary)
	h := holder{s, s, &s, []Secret{s}, map[string]Secret{"k": s}, s}
	var out bytes.Buffer
	for _, v := range []any{s, &s, h, &h, []any{h}, fmt.Errorf("wrapped %v %w", s, fmt.Errorf("%+v", h)), pair{s, s}, testConnection(), tokenResponse{pair: pair{s, s}}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%p", "%T", "%t", "%e", "%c", "%U", "%o", "%b"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
		if b, err := xml.Marshal(v); err == nil {
			out.Write(b)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		_ = template.Must(template.New("").Parse("{{.}} {{printf `%#v` .}}")).Execute(&out, v)
	}
	if err := gob.NewEncoder(&out).Encode(s); err != nil {
		t.Error(err)
	}
	b, err := s.MarshalText()
	out.Write(b)
	if err != nil {
		t.Error(err)
	}
	if strings.Contains(out.String(), canary) || strings.Contains(out.String(), hex.EncodeToString([]byte(canary))) {
		t.Error("a secret was printed")
	}
	if s.Reveal() != canary || (Secret{}).Reveal() != "" || !NewSecret("").IsZero() || s.IsZero() {
		t.Error("a secret cannot be read back")
	}
	if !s.Equal(NewSecret(canary)) || s.Equal(NewSecret("other")) || s.Equal(Secret{}) {
		t.Error("secrets compare wrongly")
	}
}

func TestKeyCanonical(t *testing.T) {
	t.Parallel()
	seen := map[string]Key{}
	for _, k := range []Key{
		{"a", "x", "b:c"}, {"a:b", "x", "c"}, {"a", "xb", "c"}, {"ax", "b", "c"}, {"", "axb", "c"}, {"a", "x", "b"}, {"A", "x", "b"}, {"a ", "x", "b"}, {"a\x00", "x", "b"},
	} {
		c := string(k.Canonical())
		if o, ok := seen[c]; ok {
			t.Errorf("%v and %v meet", k, o)
		}
		seen[c] = k
	}
	for _, bad := range [][2]string{{"", "x"}, {"x", ""}, {strings.Repeat("x", MaxNameBytes+1), "x"}, {"x", strings.Repeat("x", MaxNameBytes+1)}} {
		if p, err := NewPrincipal(bad[0], bad[1]); err == nil || !p.IsZero() {
			t.Errorf("%q is a principal", bad)
		}
	}
}

func TestAssociatedDataIsUnique(t *testing.T) {
	t.Parallel()
	k := Key{"t", "c", "i"}
	seen := map[string]bool{}
	for _, ad := range [][]byte{
		AssociatedData(k, "id", PurposeTokens, 1), AssociatedData(k, "id", PurposeTokens, 2), AssociatedData(k, "id", PurposeFallback, 1),
		AssociatedData(k, "id2", PurposeTokens, 1), AssociatedData(k, "idtokens", "", 1), AssociatedData(Key{"t", "ci", ""}, "id", PurposeTokens, 1),
	} {
		if seen[string(ad)] {
			t.Error("two places have the same associated data")
		}
		seen[string(ad)] = true
	}
}

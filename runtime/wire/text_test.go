package wire_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/runtime/wire"
)

// letter has parameters of the kinds of text that headers of emails are made of.
type letter struct {
	From    closekit.Opt[string]  `json:"from" close:"address"`
	To      []string              `json:"to" close:"address"`
	Subject closekit.Opt[string]  `json:"subject" close:"line"`
	Note    closekit.Opt[string]  `json:"note_html" close:"html"`
	Any     json.RawMessage       `json:"any"`
	Custom  closekit.CustomFields `json:"custom_fields"`
}

var letters = wire.Operation{Operation: closekit.Operation{Tool: "close_letter_create", Method: "POST", Path: "/letter/"}, Params: func() any { return new(letter) }}

func TestInvalidText(t *testing.T) {
	t.Parallel()
	const hint = " (send UTF-8, and write the characters themselves)"
	for in, want := range map[string]string{
		"{\"subject\":\"Caf\xe9\"}":                  "subject: must be valid text, got byte 0xe9 at byte 15" + hint,
		`{"to":["a@b"],"subject":"Acme\ud800"}`:      `subject: must be valid text, got half of a character, \ud800, at byte 29` + hint,
		`{"subject":"x","any":[{"\udc00":1}]}`:       `any: must be valid text, got half of a character, \udc00, at byte 24` + hint,
		"{\"sub\xffject\":\"x\"}":                    "input must be valid text, got byte 0xff at byte 5" + hint,
		"\xff\xfe{\x00}\x00":                         "input must be a JSON object, got UTF-16 (the text is UTF-16; save it as UTF-8)",
		"{\x00\"\x00a\x00\"\x00:\x001\x00}\x00":      "input must be a JSON object, got UTF-16 (the text is UTF-16; save it as UTF-8)",
		`{"to":"[\"a@b\",\"\\ud800\"]"}`:             `to: must be a list, got "[\"a@b\",\"\\ud800\"]" (give a list such as ["a", "b"], also for one)`,
		"{\"custom_fields\":{\"cf_a\":\"Caf\xe9\"}}": "custom_fields: must be valid text, got byte 0xe9 at byte 29" + hint,
	} {
		_, err := letters.Parse([]byte(in))
		expect(t, err, want)
	}
	for _, in := range []string{"\ufeff{\"subject\":\"x\"}", "\ufeff \n{}", "\ufeff", `{"subject":"\ud83d\ude00 \\ud800 😀"}`} {
		if _, err := letters.Parse([]byte(in)); err != nil {
			t.Errorf("%q: %v", in, err)
		}
	}
	p := &letter{Subject: closekit.Some("Caf\xe9"), Note: closekit.Some("\xff"), Any: json.RawMessage("\"\xe9\"")}
	p.Custom.Set("cf_a", closekit.CustomText("Caf\xe9"))
	p.Custom.Set("cf_b", closekit.CustomTexts("ok", "\xc3"))
	expect(t, letters.Validate(p), "subject: must be valid UTF-8, got byte 0xe9 at byte 3", "note_html: must be valid UTF-8, got byte 0xff at byte 0",
		"any: must be valid JSON, got byte 0xe9 at byte 1", "custom_fields.cf_a: must be valid JSON, got byte 0xe9 at byte 4", "custom_fields.cf_b: must be valid JSON, got byte 0xc3 at byte 7")
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"ann@acme.example", "Ann <ann@acme.example>", `"Lee, Ann" <ann@acme.example>`, `"a \" , @" <ann@acme.example>`, `"a b"@acme.example`, `Ann "O;Neil" Lee <a@b>`} {
		if err := letters.Validate(&letter{From: closekit.Some(ok), To: []string{ok}}); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{
		"", "ann", "@", "a@", "@b", "a@b\nBcc: c@d", "a@b\r", "a@b\nBcc", "Ann\n <a@b>", "a@b,c@d", "a@b, c@d", "a@b;c@d", "a@b c@d", "Lee, Ann <a@b>", "a@b,", "Ann <a@b> <c@d>", `"Ann <a@b>`, `"x" <a@b>, c@d`, "a@b\x00",
	} {
		if got := problems(t, letters.Validate(&letter{To: []string{bad}})); len(got) != 1 || !strings.HasPrefix(got[0], "to[0]: must be ") {
			t.Errorf("%q: %v", bad, got)
		}
	}
	for _, bad := range []string{"a\nb", "a\rb", "a\r\nBcc: c@d", "\n"} {
		if got := problems(t, letters.Validate(&letter{Subject: closekit.Some(bad)})); len(got) != 1 || !strings.HasPrefix(got[0], "subject: must be one line") {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

// TestRichText compares what is sent for rich text by name and in Go.
func TestRichText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{ // by name, in Go
		"Legal <signed> off":            {"<body><p>Legal &lt;signed&gt; off</p></body>", "<body>Legal <signed> off</body>"},
		"<p>Legal</p>":                  {"<body><p>Legal</p></body>", "<body><p>Legal</p></body>"},
		"5 < 6 & 7":                     {"<body>5 &lt; 6 &amp; 7</body>", "<body>5 < 6 & 7</body>"},
		"<BODY><p>x</p></BODY>":         {"<BODY><p>x</p></BODY>", "<BODY><p>x</p></BODY>"},
		"<html><body>x</body></html>":   {"<html><body>x</body></html>", "<html><body>x</body></html>"},
		closekit.PlainText("a <b>\nc"):  {"<body><p>a &lt;b&gt;<br/>c</p></body>", "<body><p>a &lt;b&gt;<br/>c</p></body>"},
		closekit.HTML("<b>x</b>"):       {"<body><b>x</b></body>", "<body><b>x</b></body>"},
		closekit.HTML("<body>x</body>"): {"<body>x</body>", "<body>x</body>"},
	} {
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		p, err := letters.Parse([]byte(`{"note_html":` + string(text) + `}`))
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range []any{p, &letter{Note: closekit.Some(in)}} {
			var got struct {
				Note string `json:"note_html"`
			}
			if err := json.Unmarshal([]byte(send(t, &letters, p).body), &got); err != nil || got.Note != want[i] {
				t.Errorf("%q: %q, want %q (%v)", in, got.Note, want[i], err)
			}
		}
	}
}

// TestByteOrderMark decodes responses that start with one.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	c := answering(func() string { return "\ufeff{\"name\":\"x\"}" })
	got, err := wire.Call[child](t.Context(), c, &letters, &letter{}, nil)
	if err != nil || got.Name != "x" {
		t.Error(got, err)
	}
	if err := wire.CallNone(t.Context(), c, &letters, &letter{}, nil); err != nil {
		t.Error(err)
	}
	c = answering(func() string { return "\xff\xfe{\x00}\x00" })
	if _, err := wire.Call[child](t.Context(), c, &letters, &letter{}, nil); !errors.Is(err, bom.ErrUTF16) {
		t.Error(err)
	}
}

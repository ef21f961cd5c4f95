package crm

import (
	"html"
	"regexp"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/value"
)

var (
	anyTag   = regexp.MustCompile(`<[^>]*>`)
	lineTag  = regexp.MustCompile(`(?i)<(br|hr)\s*/?>|</(p|li|h[1-6])>`)
	mention  = regexp.MustCompile(`<span[^>]*\bdata-type="mention"[^>]*>`)
	mentions = regexp.MustCompile(`\bdata-id="([^"]+)"`)
)

// richFromPlain wraps plain text as rich text.
func richFromPlain(s string) string {
	if s == "" {
		return ""
	}
	s = strings.ReplaceAll(html.EscapeString(s), "\r\n", "\n")
	return "<body><p>" + strings.ReplaceAll(s, "\n", "<br/>") + "</p></body>"
}

// plainFromRich removes the markup of rich text.
func plainFromRich(s string) string {
	s = lineTag.ReplaceAllString(s, "\n")
	return strings.TrimSpace(html.UnescapeString(anyTag.ReplaceAllString(s, "")))
}

// wrapBody adds the body element around rich text if it is missing.
func wrapBody(s string) string {
	if s == "" || strings.HasPrefix(strings.TrimSpace(s), "<body") {
		return s
	}
	return "<body>" + s + "</body>"
}

// mentioned lists the ids that rich text mentions.
func mentioned(s string) []any {
	out := []any{}
	for _, tag := range mention.FindAllString(s, -1) {
		if m := mentions.FindStringSubmatch(tag); m != nil {
			out = append(out, m[1])
		}
	}
	return out
}

// noteFields are the plain and the rich text of a note.
var noteFields = []rest.Field{{Name: "note", Kind: rest.Text}, {Name: "note_html", Kind: rest.Text}}

// pairNotes keeps note and note_html consistent. If both are given, note_html
// takes precedence.
func pairNotes(o object) {
	rich, hasRich := o["note_html"]
	plain, hasPlain := o["note"]
	switch {
	case hasRich && rich != nil:
		o["note_html"] = wrapBody(value.String(rich))
		o["note"] = plainFromRich(value.String(rich))
	case hasPlain && plain != nil:
		o["note_html"] = richFromPlain(value.String(plain))
	case hasRich || hasPlain:
		o["note"], o["note_html"] = "", ""
	}
}

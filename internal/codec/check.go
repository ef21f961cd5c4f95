package codec

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// checkLength checks how long a text is that is no element of a list.
func (w *Walker) checkLength(f *Field, v string) {
	if f.MaxLen > 0 && len(v) > int(f.MaxLen) {
		if n := utf8.RuneCountInString(v); n > int(f.MaxLen) {
			w.Report(f.Name, "must have at most "+strconv.Itoa(int(f.MaxLen))+" characters", strconv.Itoa(n), "")
		}
	}
}

// CheckText checks one text against its field, but for its length, and reports
// what is wrong.
func (w *Walker) CheckText(f *Field, name, v string) {
	if f.ID != nil {
		w.checkID(f, name, v)
		return
	}
	if f.In == Path && (v == "" || v == "." || v == "..") {
		w.Report(name, "must be more than nothing or dots", quote(v), fromHint(f))
		return
	}
	if f.Enum != nil && f.Flags&Open == 0 && !slices.Contains(f.Enum, v) {
		hint := ""
		if near := Nearest(v, f.Enum); near != "" {
			hint = "did you mean " + strconv.Quote(near) + "?"
		} else if f.From != "" {
			hint = fromHint(f)
		}
		w.Report(name, "must be one of "+strings.Join(f.Enum, ", "), quote(v), hint)
		return
	}
	if f.Kind == Plain || f.Kind == RichText {
		return
	}
	if expected := checkKind(f.Kind, v); expected != "" {
		w.Report(name, expected, quote(v), "")
	}
}

// checkKind gives what was expected when v does not fit.
func checkKind(k Kind, v string) string {
	switch k {
	case Date:
		if !IsDate(v) {
			return "must be a date such as 2026-03-31"
		}
	case DateTime:
		if _, ok := ParseTime(v); !ok || IsDate(v) {
			return "must be a time with offset such as 2026-03-31T15:04:05Z"
		}
	case DateOrDateTime:
		if _, ok := ParseTime(v); !ok {
			return "must be a date such as 2026-03-31 or a time such as 2026-03-31T15:04:05Z"
		}
	case Email:
		at := strings.LastIndexByte(v, '@')
		if at < 1 || at == len(v)-1 || strings.ContainsAny(v, "\r\n") {
			return "must be an e-mail address"
		}
	case Phone:
		if !strings.ContainsAny(v, "0123456789") {
			return "must be a phone number, best with country code such as +14155550123"
		}
	case URL:
		u, err := url.Parse(v)
		if err != nil || v == "" || strings.ContainsAny(v, " \r\n\t") || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" && !strings.Contains(u.Scheme, ".") { // example.com:8080
			return "must be a web address such as https://example.com"
		}
	case Timezone:
		if v == "" || strings.ContainsAny(v, " \r\n") {
			return "must be a time zone name such as America/New_York"
		}
	case Plain, RichText:
	}
	return ""
}

// IsDate reports whether v is a calendar date, 2026-03-31.
func IsDate(v string) bool {
	if len(v) != 10 {
		return false
	}
	_, err := time.Parse(time.DateOnly, v)
	return err == nil
}

// ParseTime reads the spellings of an instant that Close uses: with offset,
// without (meaning UTC), with and without fraction, and a bare date (midnight
// UTC).
func ParseTime(v string) (time.Time, bool) {
	var t time.Time
	if err := t.UnmarshalText([]byte(v)); err == nil {
		return t, true
	}
	for _, layout := range []string{"2006-01-02T15:04:05", time.DateOnly, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func (w *Walker) checkID(f *Field, name, v string) {
	k := f.ID
	if slices.Contains(k.Literals, v) {
		return
	}
	prefix, rest, ok := strings.Cut(v, "_")
	if !ok || prefix == "" || rest == "" || !alphanumeric(prefix) || !alphanumeric(rest) {
		w.Report(name, expectedID(k), quote(v), fromHint(f))
		return
	}
	if len(k.Prefixes) == 0 || slices.Contains(k.Prefixes, prefix) {
		return
	}
	for _, p := range *k.Known {
		if p.Prefix == prefix {
			w.Report(name, expectedID(k), quote(v)+", "+article(p.Kind)+" id", fromHint(f))
			return
		}
	}
	// An unknown prefix passes: Close adds kinds of ids without notice.
}

func article(kind string) string {
	kind = strings.ReplaceAll(kind, "_", " ")
	if strings.ContainsRune("aeio", rune(kind[0])) {
		return "an " + kind
	}
	if kind == "sms" {
		return "an SMS"
	}
	return "a " + kind
}

func alphanumeric(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func fromHint(f *Field) string {
	from := f.From
	if f.ID != nil {
		if from == "" {
			from = f.ID.From
		}
		if from != "" && f.ID.About != "" {
			return "find one with " + from + ". " + f.ID.About
		}
	}
	if from == "" {
		return ""
	}
	return "find one with " + from
}

// quote shortens what was received, so that a problem stays readable.
func quote(v string) string {
	const most = 60
	if len(v) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(v[cut]) {
			cut--
		}
		return strconv.Quote(v[:cut]) + "…"
	}
	return strconv.Quote(v)
}

// Nearest gives the word most like v, or "" if none is near.
func Nearest(v string, words []string) string {
	best, score := "", len(v)/2+1
	low := strings.ToLower(v)
	for _, w := range words {
		if strings.EqualFold(v, w) {
			return w
		}
		if d := distance(low, strings.ToLower(w), score); d < score {
			best, score = w, d
		}
	}
	return best
}

// distance counts the edits from a to b, transpositions as one; limit or more
// is not told apart.
func distance(a, b string, limit int) int {
	if abs := len(a) - len(b); abs >= limit || -abs >= limit {
		return limit
	}
	prev2 := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

func expectedID(k *IDKind) string {
	if len(k.Prefixes) > 0 {
		return "must be " + article(k.Name) + " id such as " + k.Prefixes[0] + "_…"
	}
	return "must be an id"
}

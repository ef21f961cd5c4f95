package agent

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/closekit/closekit/internal/codec"
)

// callDigest is what identifies a call: a repetition of it by the model is the same.
func callDigest(account Account, run, tool, hash string, input json.RawMessage) [32]byte {
	b := make([]byte, 0, 512)
	for _, part := range []string{account.Name, account.UserID, account.OrganizationID, run, tool, hash} {
		b = appendPart(b, part)
	}
	return sha256.Sum256(appendPart(b, canonical(input)))
}

// appendPart appends a part of what is hashed, with its length, so that no two lists of
// parts look the same.
func appendPart[T string | []byte](b []byte, part T) []byte {
	b = append(strconv.AppendInt(b, int64(len(part)), 10), ':')
	return append(append(b, part...), ',')
}

// canonical returns JSON with sorted keys and numbers as they are written.
func canonical(input json.RawMessage) []byte {
	if b, ok := appendCanonical(make([]byte, 0, len(input)), input, 0); ok {
		return b
	}
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return input
	}
	b, err := json.Marshal(v)
	if err != nil {
		return input
	}
	return b
}

// appendCanonical does the same for JSON whose texts encoding/json would write as they
// are, which is most of it, at a fifth of the cost. It reports whether raw is such JSON.
func appendCanonical(b, raw []byte, depth int) ([]byte, bool) {
	const deepest = 20
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || depth > deepest {
		return b, false
	}
	switch raw[0] {
	case '"':
		return append(b, raw...), plain(raw[1 : len(raw)-1])
	case '[':
		list, ok := codec.Elements(raw)
		b = append(b, '[')
		for i, x := range list {
			if i > 0 {
				b = append(b, ',')
			}
			var plain bool
			if b, plain = appendCanonical(b, x, depth+1); !plain {
				return b, false
			}
		}
		return append(b, ']'), ok
	case '{':
		members, ok := sortedMembers(raw)
		b = append(b, '{')
		for i, m := range members {
			switch {
			case !plain([]byte(m.name)):
				return b, false
			case i+1 < len(members) && m.name == members[i+1].name:
				return b, false // of several, the last counts
			case i > 0:
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), m.name...), '"', ':')
			var plain bool
			if b, plain = appendCanonical(b, m.raw, depth+1); !plain {
				return b, false
			}
		}
		return append(b, '}'), ok
	}
	return append(b, raw...), depth > 0 // alone, it may be no JSON
}

// jsonMember is a member of an object.
type jsonMember struct {
	name string
	raw  []byte
}

// sortedMembers splits an object in the order of the names.
func sortedMembers(raw []byte) (list []jsonMember, ok bool) {
	d := codec.NewDecoder(raw, false)
	list = make([]jsonMember, 0, 8)
	for d.Open(nil); d.Next(); {
		name := d.Name()
		list = append(list, jsonMember{name, d.Raw()})
	}
	slices.SortFunc(list, func(a, b jsonMember) int { return strings.Compare(a.name, b.name) })
	return list, d.End() == nil
}

// plain reports whether encoding/json writes a text as it is.
func plain(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return utf8.Valid(text) && !bytes.Contains(text, []byte("\u2028")) && !bytes.Contains(text, []byte("\u2029"))
}

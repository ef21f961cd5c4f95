package wire

import (
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/internal/codec"
)

// ByCase checks the cases of the parameters of an operation and of all objects in them:
// which members go with which word. The tag of the member with the word lists them, as
// in cases=and:queries|text:value mode?, where a question mark means that the member may
// be left out. What no case names goes with all words, and a word without a case takes
// anything.
//
// Only an operation that has cases has a ByCase, so that other programs do not link it.
type ByCase struct{}

func (ByCase) check(w *sender) {
	s := w.op.params.Load()
	body, _ := codec.Members(w.enc.B)
	for i := range s.members { // parameters are in no other struct
		m := &s.members[i]
		if m.in == nil || m.in.cases == "" {
			continue
		}
		at := slices.Index(w.fields, m.in)
		if at < 0 || len(w.texts(uint8(at&0xff))) != 1 {
			continue
		}
		w.checkCases(m.in, w.texts(uint8(at & 0xff))[0], func(name string) bool {
			i := slices.IndexFunc(w.fields, func(f *field) bool { return f.name == name })
			return i >= 0 && w.has(uint8(i&0xff))
		})
	}
	w.casesWithin(s, body)
}

// casesWithin checks the objects that are members of one.
func (w *sender) casesWithin(s *plan, members map[string][]byte) {
	for ; s != nil; s = s.base {
		for i := range s.members {
			m := &s.members[i]
			if m.in == nil || m.elem == nil || members[m.in.key] == nil {
				continue
			}
			raw := members[m.in.key]
			if m.as == slotObj {
				w.casesOf(m.in.name, m.elem, raw)
				continue
			}
			list, _ := codec.Elements(raw)
			for i, raw := range list {
				w.casesOf(element(m.in, i), m.elem, raw)
			}
		}
	}
}

// casesOf checks one object.
func (w *sender) casesOf(name string, s *plan, raw []byte) {
	members, ok := codec.Members(raw)
	if !ok || !w.enter(name) {
		return
	}
	defer w.leave()
	for b := s; b != nil; b = b.base {
		for i := range b.members {
			f := b.members[i].in
			if f == nil || f.cases == "" {
				continue
			}
			if word, ok := codec.Unquote(members[f.key]); ok {
				w.checkCases(f, word, func(name string) bool { return members[name] != nil })
			}
		}
	}
	w.casesWithin(s, members)
}

// checkCases checks what goes with a word.
func (w *sender) checkCases(by *field, word string, given func(name string) bool) {
	var own string
	known := false
	for c := range strings.SplitSeq(by.cases, "|") {
		if w, names, _ := strings.Cut(c, ":"); w == word {
			own, known = names, true
		}
	}
	if !known {
		return
	}
	for name := range strings.FieldsSeq(own) {
		if !strings.HasSuffix(name, "?") && !given(name) && !w.reported(name) {
			w.add(name, "is required when "+by.name+" is "+word, "", "")
		}
	}
	for c := range strings.SplitSeq(by.cases, "|") {
		_, names, _ := strings.Cut(c, ":")
		for name := range strings.FieldsSeq(names) {
			name = strings.TrimSuffix(name, "?")
			if given(name) && !takes(own, name) && !w.reported(name) {
				w.add(name, "does not go with "+by.name+" "+word, "", "it goes with "+by.name+" "+by.wordsWith(name))
			}
		}
	}
}

// reported reports whether the current object has a problem with a member already.
func (w *sender) reported(name string) bool {
	path := name
	if len(w.path) > 0 {
		path = strings.Join(w.path, ".") + "." + name
	}
	return covered(w.problems, path)
}

// takes reports whether a member is in the list of a case.
func takes(names, name string) bool {
	for n := range strings.FieldsSeq(names) {
		if strings.TrimSuffix(n, "?") == name {
			return true
		}
	}
	return false
}

// wordsWith lists the words that a member goes with.
func (f *field) wordsWith(name string) string {
	var words []string
	for c := range strings.SplitSeq(f.cases, "|") {
		if word, names, _ := strings.Cut(c, ":"); takes(names, name) {
			words = append(words, strconv.Quote(word))
		}
	}
	return strings.Join(words, " or ")
}

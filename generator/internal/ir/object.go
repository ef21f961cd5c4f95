package ir

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/closekit/closekit/internal/words"
	"github.com/closekit/closekit/manifest"
)

// object makes the struct of a type that is received or sent.
func (b *builder) object(o *manifest.Object) Struct {
	u := b.uses[o]
	s := Struct{Type: o.Name, Doc: typeDoc(o.Name, b.text.text(aboutOf(o), o.Fields...)), Result: u.output, Returned: u.returned, Pointed: u.pointed}
	fields := o.Fields
	switch {
	case b.embeds(o):
		s.Base, s.Included = StructBase, o.Include.Name
		fields = b.own(o)
	case u.output:
		s.Base = ObjectBase
	}
	for _, f := range fields {
		comes, goes := u.output && f.Read, u.input && (f.Create || f.Update)
		a := received
		switch {
		case !comes && !goes:
			continue
		case goes && u.output && !comes:
			a = onlySent
		case goes:
			a = sentToo
		}
		s.Fields = append(s.Fields, Field{Go: fieldName(f.Name), Doc: b.fieldDoc(f, inResult, o.Fields), Type: memberType(f), Tag: fieldTag(f, a, o.Cases)})
	}
	if o.Changed != "" {
		s.Changed = fieldName(o.Changed)
	}
	for _, v := range o.Variants {
		if b.uses[v.Object].output {
			s.Variants = append(s.Variants, variant(o, v))
		}
	}
	return s
}

// aboutOf says what a type is and which members go together.
func aboutOf(o *manifest.Object) string { return join(o.About, o.Cases.Sentence("members")) }

// memberType is the Go type of a member of an object.
func memberType(f *manifest.Field) GoType { return goType(f.Type, f.Always || f.Required) }

// embeds reports whether a type's struct embeds that of the type it includes.
// One that is sent has all fields of its own, because access may differ.
func (b *builder) embeds(o *manifest.Object) bool {
	return o.Include != nil && b.uses[o].output && !b.uses[o].input
}

// own lists the fields that a type has beyond the one it includes: new ones,
// and those with another Go type.
func (b *builder) own(o *manifest.Object) []*manifest.Field {
	var own []*manifest.Field
	for _, f := range o.Fields {
		base := o.Include.Field(f.Name)
		if base == nil || !base.Read || memberType(base) != memberType(f) {
			own = append(own, f)
		}
	}
	return own
}

// maxBits is how many bits package wire has for the members of one struct and
// of those it embeds.
const maxBits = 63

// bits counts the members of a type that need a bit, with those of its base.
func (b *builder) bits(o *manifest.Object) int {
	if !b.uses[o].output {
		return 0
	}
	n, fields := 0, o.Fields
	if b.embeds(o) {
		n, fields = b.bits(o.Include), b.own(o)
	}
	for _, f := range fields {
		if f.Read && memberType(f).needsBit() {
			n++
		}
	}
	return n
}

func variant(o *manifest.Object, v manifest.Variant) Variant {
	out := Variant{Method: variantMethod(v), Struct: v.Object.Name, Has: v.Has, Is: v.Is}
	condition := "v has the member " + v.Has
	if v.By != "" {
		by := o.Field(v.By)
		out.By, out.ByOpt = fieldName(by.Name), memberType(by).Form == Optional
		values := make([]string, len(v.Is))
		for i, value := range v.Is {
			values[i] = strconv.Quote(value)
		}
		condition = out.By + " is " + strings.Join(values, " or ")
	}
	if v.In != nil {
		out.In = []string{fieldName(v.In[0]), fieldName(v.In[1])}
		out.Doc = fmt.Sprintf("%s returns the record after and before the event. It reports false unless %s.", out.Method, condition)
		return out
	}
	out.Doc = fmt.Sprintf("%s returns v as %s. It reports false unless %s.", out.Method, words.WithArticle("["+v.Object.Name+"]"), condition)
	return out
}

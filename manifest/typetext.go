package manifest

import (
	"slices"
	"strings"
)

var scalarTypes = map[string]Kind{
	"string": String, "richtext": RichText, "integer": Integer, "number": Number, "boolean": Boolean, "date": Date,
	"datetime": DateTime, "date_or_datetime": DateOrDateTime, "cents": Cents, "email": Email, "phone": Phone, "url": URL,
	"timezone": Timezone, "line": Line, "address": Address, "path": Segments, "secret": Secret, "json": JSON, "id": ID, "custom_fields": CustomFields,
}

const typeHint = "a type is a name, or list T, map T, enum Name, id KIND"

// parseType reads a type such as "list id user".
func (c *checker) parseType(pos Pos, text string) *Type {
	words := strings.Fields(text)
	bad := func(hint, format string, args ...any) *Type {
		c.ps.add(pos, hint, format, args...)
		return nil
	}
	if len(words) > 3 {
		return bad(typeHint, "type %q has too many words", text)
	}
	rest := words[1:]
	switch w := words[0]; w {
	case "list", "map":
		if len(rest) == 0 {
			return bad("for example "+w+" string", "a %s needs the type of its elements", w)
		}
		elem := c.parseType(pos, strings.Join(rest, " "))
		if elem == nil {
			return nil
		}
		if elem.Kind == List || elem.Kind == Map || elem.Kind == CustomFields || elem.Kind == Secret {
			return bad("make the elements an object, or json", "a %s of %s is not possible", w, strings.Join(rest, " "))
		}
		if w == "list" {
			return &Type{Kind: List, Elem: elem}
		}
		return &Type{Kind: Map, Elem: elem}
	case "enum":
		if len(rest) != 1 {
			return bad("for example enum ValuePeriod", "enum needs one name")
		}
		e := c.enums[rest[0]]
		if e == nil {
			return bad(near(rest[0], c.enums), "enum %q is not defined", rest[0])
		}
		return &Type{Kind: EnumType, Enum: e}
	case "id":
		if len(rest) == 0 {
			return &Type{Kind: ID}
		}
		k := c.ids[rest[0]]
		if k == nil || len(rest) > 1 {
			return bad(near(rest[0], c.ids), "close.yaml has no id kind %q", strings.Join(rest, " "))
		}
		return &Type{Kind: ID, ID: k}
	default:
		if len(rest) > 0 {
			return bad(typeHint, "type %q has too many words", text)
		}
		if k, ok := scalarTypes[w]; ok {
			return &Type{Kind: k}
		}
		if d := c.types[w]; d != nil {
			return &Type{Kind: ObjectType, Object: d.object}
		}
		if c.enums[w] != nil {
			return bad("write enum "+w, "%q is an enum", w)
		}
		names := make([]string, 0, len(scalarTypes)+len(c.types))
		for n := range scalarTypes {
			names = append(names, n)
		}
		for n := range c.types {
			names = append(names, n)
		}
		slices.Sort(names)
		return bad(didYouMean(w, names), "type %q is not defined", w)
	}
}

package wire

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/closekit/closekit"
)

// fieldTag is the parsed tags of a field:
//
//	json:"lead_id" close:"path,required"
//
// The tag json has the name, the tag close a list of options, separated by commas:
//
//	path, query            the place of a parameter; the default is the body
//	required, null         must be set; may be null
//	send, create, update   a member of a result that is sent: always, on create, on update
//	sendonly               a member of a result that is never received
//	key=                   the name on the wire, if it differs
//	html, date, email, phone, url, timezone, line, address, segments, id   the format of a string
//	sort                   names members to sort by, with - in front for descending
//	open                   values other than those of the enum may be sent
//	cases=                 which members go with which word of this one; see [ByCase]
//	min=, max=, maxlen=, minitems=                bounds
//	from=                  the tool that finds valid values
//	preset=                what to send if the field is not set, JSON or, in a query, its value; always the last option
type fieldTag struct {
	name          string
	in            field
	send, receive bool
}

// parseTag parses the tags of a field. output is true for a struct that is received
// in responses, false for one that is only sent.
func parseTag(tag reflect.StructTag, output bool) (fieldTag, error) {
	t := fieldTag{name: tag.Get("json"), send: !output, receive: output}
	if t.name == "" {
		return t, errors.New("it has no json name")
	}
	t.in.name, t.in.key = t.name, t.name
	for rest := tag.Get("close"); rest != ""; {
		option := rest
		if strings.HasPrefix(rest, "preset=") { // JSON, which may contain commas
			rest = ""
		} else {
			option, rest, _ = strings.Cut(rest, ",")
		}
		if err := t.option(option); err != nil {
			return t, err
		}
	}
	if t.in.is(bounded) && t.in.flags&minOnly == 0 {
		t.in.min = -1 << 53
	}
	if t.in.is(bounded) {
		t.in.flags &^= minOnly
		if t.in.min > t.in.max {
			return t, fmt.Errorf("no number is from %d to %d", t.in.min, t.in.max)
		}
	}
	return t, nil
}

func (t *fieldTag) option(option string) (err error) {
	in := &t.in
	key, value, _ := strings.Cut(option, "=")
	switch key {
	case "path":
		in.in = inPath
	case "query":
		in.in = inQuery
	case "required":
		in.flags |= required
	case "null":
		in.flags |= nullable
	case "send":
		t.send = true
		in.flags |= onCreate | onUpdate
	case "create":
		t.send = true
		in.flags |= onCreate
	case "update":
		t.send = true
		in.flags |= onUpdate
	case "sendonly":
		t.receive = false
	case "id":
		in.id = &anyID
	case "open":
		in.flags |= open
	case "sort":
		in.flags |= sorts
	case "min":
		in.flags |= minOnly
		in.min, err = number(value)
	case "max":
		in.flags |= bounded
		in.max, err = number(value)
	case "maxlen":
		in.maxLen, err = size(value)
	case "minitems":
		in.minItems, err = size(value)
	case "from":
		in.from = value
	case "preset":
		in.preset = value
	case "html":
		in.kind = richText
	case "date":
		in.kind = dateOrDateTime
	case "email":
		in.kind = email
	case "phone":
		in.kind = phone
	case "url":
		in.kind = webAddress
	case "timezone":
		in.kind = timezone
	case "address":
		in.kind = address
	case "line":
		in.kind = line
	case "segments":
		in.kind = segments
	case "cases":
		in.cases = value
	case "key":
		in.key = value
	default:
		return fmt.Errorf("the tag close has no option %q", key)
	}
	return err
}

func number(v string) (int64, error) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no number", v)
	}
	return n, nil
}

func size(v string) (int32, error) {
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no size", v)
	}
	return int32(n), nil
}

// anyID is the kind of ids without a declared kind.
var anyID = closekit.IDKind{Name: "any"}

// texts completes a field from the type of its strings.
func (in *field) texts(t reflect.Type) {
	switch {
	case t.PkgPath() == "":
	case t == reflect.TypeFor[closekit.Date]():
		in.kind = date
	case t == reflect.TypeFor[closekit.DateTime]():
		if in.kind == plain {
			in.kind = dateTime
		}
	default:
		switch v := reflect.Zero(t).Interface().(type) {
		case interface{ Kind() *closekit.IDKind }:
			in.id = v.Kind()
		case interface{ Values() []string }:
			in.enum = v.Values()
			if h, ok := v.(interface{ Hints() string }); ok {
				in.hints = h.Hints
			}
		}
	}
}

package hooks

import (
	"reflect"
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/value"
)

type object = value.Object

// wants reports whether a subscription matches an event.
func wants(sub object, e object) bool {
	return slices.ContainsFunc(value.List(sub["events"]), func(v any) bool {
		o, _ := v.(object)
		kind := value.String(o["object_type"])
		same := kind == e["object_type"] || "activity."+kind == e["object_type"]
		return same && o["action"] == e["action"] && (o["extra_filter"] == nil || passes(o["extra_filter"], e))
	})
}

const maxFilterDepth = 50

// ValidFilter reports whether the service knows the form of an extra_filter.
func ValidFilter(v any, depth int) bool {
	o, ok := v.(object)
	if !ok || depth > maxFilterDepth {
		return false
	}
	switch o["type"] {
	case "field_accessor":
		_, ok := o["field"].(string)
		return ok && ValidFilter(o["filter"], depth+1)
	case "any_array_value", "not":
		return ValidFilter(o["filter"], depth+1)
	case "and", "or":
		filters, ok := o["filters"].([]any)
		return ok && !slices.ContainsFunc(filters, func(f any) bool { return !ValidFilter(f, depth+1) })
	case "equals", "not_equals", "contains":
		_, ok := o["value"]
		return ok
	case "is_null", "non_null":
		return true
	}
	return false
}

// passes applies a valid extra_filter to a value, starting with the event.
func passes(filter, v any) bool {
	f, _ := filter.(object)
	switch f["type"] {
	case "field_accessor":
		o, _ := v.(object)
		return passes(f["filter"], o[value.String(f["field"])])
	case "any_array_value":
		return slices.ContainsFunc(value.List(v), func(e any) bool { return passes(f["filter"], e) })
	case "not":
		return !passes(f["filter"], v)
	case "and":
		return !slices.ContainsFunc(value.List(f["filters"]), func(g any) bool { return !passes(g, v) })
	case "or":
		return slices.ContainsFunc(value.List(f["filters"]), func(g any) bool { return passes(g, v) })
	case "equals":
		return sameJSON(v, f["value"])
	case "not_equals":
		return !sameJSON(v, f["value"])
	case "contains":
		return contains(v, f["value"])
	case "is_null":
		return v == nil
	case "non_null":
		return v != nil
	}
	return false
}

// sameJSON compares two JSON values.
func sameJSON(a, b any) bool {
	x, okX := value.Float(a)
	y, okY := value.Float(b)
	if okX && okY {
		return x == y
	}
	return reflect.DeepEqual(a, b)
}

// contains reports whether a list has a member, or a string a substring.
func contains(v, part any) bool {
	if s, ok := v.(string); ok {
		p, ok := part.(string)
		return ok && strings.Contains(s, p)
	}
	return slices.ContainsFunc(value.List(v), func(e any) bool { return sameJSON(e, part) })
}

package drift

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// walk turns a schema or an example into a shape.
type walk struct {
	spec  *spec
	shape shape
}

// typed reports whether a walk has found any member.
func (w *walk) typed() bool { return len(w.shape) > 1 }

func (w *walk) count() error {
	if w.spec.members++; w.spec.members > maxMembers {
		return errors.New("the specification has more than 200,000 members after its references are resolved")
	}
	return nil
}

// schema adds a schema. seen are the references that it is within; where one comes
// back, anything may follow.
func (w *walk) schema(path string, raw any, seen []string, depth int) error {
	if err := w.count(); err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("schemas are nested more than %d deep at %q", maxDepth, path)
	}
	o, _ := raw.(object)
	w.shape.merge(path, types(o), enum(o))
	if ref, ok := o["$ref"].(string); ok {
		target, err := w.spec.pointer(ref)
		if err != nil {
			return err
		}
		if slices.Contains(seen, ref) {
			again, _ := target.(object)
			w.shape.merge(path, types(again), nil).open = true
			return nil
		}
		if err := w.schema(path, target, append(slices.Clip(seen), ref), depth+1); err != nil {
			return err
		}
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		for _, part := range items(o[key]) {
			if err := w.schema(path, part, seen, depth+1); err != nil {
				return err
			}
			if key != "allOf" {
				w.alternative(path, part)
			}
		}
	}
	if o["items"] != nil {
		if err := w.schema(path+"[]", o["items"], seen, depth+1); err != nil {
			return err
		}
	}
	return w.properties(path, o, seen, depth)
}

func (w *walk) properties(path string, o object, seen []string, depth int) error {
	m := w.shape[path]
	props, _ := o["properties"].(object)
	for _, name := range slices.Sorted(maps.Keys(props)) {
		at := name
		if isCustom(name) {
			at = customFields
		}
		if err := w.schema(child(path, at), props[name], seen, depth+1); err != nil {
			return err
		}
	}
	patterns, _ := o["patternProperties"].(object)
	for _, name := range slices.Sorted(maps.Keys(patterns)) {
		if isCustom(name) {
			w.shape.merge(child(path, customFields), nil, nil).open = true
		} else {
			m.open = true
		}
	}
	switch more := o["additionalProperties"].(type) {
	case object:
		m.open = true
	case bool:
		m.open = m.open || more
	}
	for _, name := range items(o["required"]) {
		if text, ok := name.(string); ok && w.shape[child(path, text)] != nil {
			w.shape[child(path, text)].required = true
		}
	}
	// An object without members is any object.
	if len(props) == 0 && slices.Contains(types(o), "object") && o["allOf"] == nil && o["additionalProperties"] != false {
		m.open = true
	}
	return nil
}

// alternative takes back what only one of several schemas requires.
func (w *walk) alternative(path string, raw any) {
	o, err := w.spec.resolve(raw, path)
	if err != nil {
		return
	}
	for _, name := range items(o["required"]) {
		if text, ok := name.(string); ok && w.shape[child(path, text)] != nil {
			w.shape[child(path, text)].required = false
		}
	}
}

// types returns the types that a schema allows, without null.
func types(o object) (list []string) {
	switch t := o["type"].(type) {
	case string:
		list = []string{t}
	case []any:
		for _, e := range t {
			if text, ok := e.(string); ok {
				list = append(list, text)
			}
		}
	case nil:
		if o["properties"] != nil {
			list = []string{"object"}
		}
	}
	return slices.DeleteFunc(list, func(t string) bool { return t == "null" })
}

// enum returns the values that a schema allows, nil for any.
func enum(o object) (list []string) {
	if text, ok := o["const"].(string); ok {
		return []string{text}
	}
	for _, v := range items(o["enum"]) {
		if text, ok := v.(string); ok {
			list = append(list, text)
		}
	}
	return list
}

// example adds a value as an example.
func (w *walk) example(path string, v any, depth int) error {
	if err := w.count(); err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("an example is nested more than %d deep", maxDepth)
	}
	m := w.shape.merge(path, typesOf(v), nil)
	m.example = true
	switch v := v.(type) {
	case object:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := name
			if isCustom(name) {
				at = customFields
			}
			if err := w.example(child(path, at), v[name], depth+1); err != nil {
				return err
			}
		}
	case []any:
		for _, e := range v {
			if err := w.example(path+"[]", e, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// typesOf returns the type of a value; none for null.
func typesOf(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{"string"}
	case bool:
		return []string{"boolean"}
	case int, int64, uint64:
		return []string{"integer"}
	case float64:
		if v == float64(int64(v)) {
			return []string{"integer"}
		}
		return []string{"number"}
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return []string{"integer"}
		}
		return []string{"number"}
	case object:
		return []string{"object"}
	case []any:
		return []string{"array"}
	}
	return nil
}

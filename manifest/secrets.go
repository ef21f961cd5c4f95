package manifest

import "slices"

// checkSecrets reports secrets where generated code would print or send them: they
// are members of types that a tool returns or lists itself.
func (c *checker) checkSecrets() {
	const hint = "make it a string"
	for _, d := range c.toolOrder {
		for _, p := range d.tool.Params {
			if isSecret(p) {
				c.ps.add(p.Pos, hint, "parameter %q of %s is sent, so it cannot be a secret", p.Name, d.tool.Name)
			}
		}
	}
	for _, d := range c.typeOrder {
		o := d.object
		if o.Include != nil && o.Include.hasSecret() {
			c.ps.add(o.Pos, "include another type", "type %q includes type %q, which has a secret", o.Name, o.Include.Name)
			continue
		}
		for _, f := range o.Fields {
			switch inner := f.Type.inner(); {
			case isSecret(f) && (f.Create || f.Update):
				c.ps.add(f.Pos, hint+", or access: read", "field %q of type %s is sent, so it cannot be a secret", f.Name, o.Name)
			case inner != nil && inner.hasSecret():
				c.ps.add(f.Pos, "make it json, or the secret a string", "field %q of type %s is a %s, which has a secret that logs would show", f.Name, o.Name, inner.Name)
			}
		}
	}
}

func isSecret(f *Field) bool { return f.Type != nil && f.Type.Kind == Secret }

func (o *Object) hasSecret() bool {
	return slices.ContainsFunc(o.Fields, isSecret)
}

// inner returns the object that values of the type are or contain.
func (t *Type) inner() *Object {
	switch {
	case t == nil:
		return nil
	case t.Elem != nil:
		return t.Elem.Object
	}
	return t.Object
}

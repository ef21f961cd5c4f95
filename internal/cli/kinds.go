package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/closekit/closekit"
)

// kinds are the flags that select tools by resource and effect.
type kinds struct{ resources, effects []string }

func (k *kinds) define(flags *pflag.FlagSet, when string) {
	flags.StringSliceVar(&k.resources, "resource", nil, "only the tools of these `resources`, such as leads"+when)
	flags.StringSliceVar(&k.effects, "effect", nil, "only the tools that do nothing but these `effects`, such as read"+when)
}

func (k *kinds) given() bool { return len(k.resources)+len(k.effects) > 0 }

// of returns the tools that the flags select.
func (k *kinds) of(list []*closekit.Tool) ([]*closekit.Tool, error) {
	var resources []string
	for _, t := range list {
		if !slices.Contains(resources, t.Resource) {
			resources = append(resources, t.Resource)
		}
	}
	for _, r := range k.resources {
		if !slices.Contains(resources, r) {
			return nil, usage(fmt.Sprintf("no tool is of the resource %q", r), "the resources are "+strings.Join(slices.Sorted(slices.Values(resources)), ", "))
		}
	}
	var all closekit.Effect
	for _, name := range k.effects {
		i := slices.Index(effectNames, name)
		if i < 0 {
			return nil, usage(fmt.Sprintf("there is no effect %q", name), "the effects are "+strings.Join(effectNames, ", "))
		}
		all |= effects[i]
	}
	return slices.DeleteFunc(slices.Clone(list), func(t *closekit.Tool) bool {
		return len(k.resources) > 0 && !slices.Contains(k.resources, t.Resource) || len(k.effects) > 0 && !all.Has(t.Effect)
	}), nil
}

package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/runtime/accounts"
)

// matching returns the words that begin with prefix.
func matching(list []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(word string) bool { return !strings.HasPrefix(word, prefix) })
}

// completeTool completes the name of a tool.
func (p *program) completeTool(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, t := range p.catalog.Tools() {
		names = append(names, t.Name)
	}
	return matching(names, toComplete), cobra.ShellCompDirectiveNoFileComp
}

// completeCall completes the tool, then its parameters and their values. The flags
// are not cobra's, so that args are all words before the one to complete.
func (p *program) completeCall(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	const done = cobra.ShellCompDirectiveNoFileComp
	r := &request{catalog: p.catalog}
	texts := p.texts(r)
	open := "" // the flag whose value is to be completed
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		name, value, attached := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch to, own := texts[name]; {
		case !strings.HasPrefix(arg, "-"):
			_ = r.argument(arg) // what is wrong has no completion
		case own && attached:
			*to = value
		case own && len(args) > 0:
			*to, args = args[0], args[1:]
		case own:
			open = name
		case r.tool == nil || attached:
		default:
			target, ok := r.flags.find(name)
			switch {
			case !ok:
			case len(args) == 0:
				open = name
			case !target.schema.is("boolean"):
				args = args[1:]
			}
		}
	}
	if name, value, attached := strings.Cut(toComplete, "="); attached && strings.HasPrefix(name, "--") {
		list, directive := p.completeValue(cmd.Context(), r, name[2:], value)
		for i := range list {
			list[i] = name + "=" + list[i]
		}
		return list, directive
	}
	if open != "" {
		list, directive := p.completeValue(cmd.Context(), r, open, toComplete)
		isSwitch := false
		if r.flags != nil {
			target, ok := r.flags.find(open)
			isSwitch = ok && target.schema.is("boolean")
		}
		if !isSwitch || !strings.HasPrefix(toComplete, "-") {
			return list, directive
		}
	}
	switch {
	case strings.HasPrefix(toComplete, "-"):
		return p.completeFlag(r, toComplete), done
	case r.tool == nil:
		return p.completeTool(cmd, nil, toComplete)
	}
	return nil, done
}

// completeFlag completes the name of a flag. A parameter has several spellings; the
// first one that fits is offered.
func (p *program) completeFlag(r *request, toComplete string) (found []string) {
	if r.flags != nil {
		for _, name := range r.flags.names {
			for _, spelling := range []string{name, easier(name)} {
				if target, ok := r.flags.find(spelling); ok && target == r.flags.byName[name] && strings.HasPrefix("--"+spelling, toComplete) {
					found = append(found, "--"+spelling)
					break
				}
			}
		}
	}
	for _, name := range p.ownFlags(r) {
		if flag := "--" + name; strings.HasPrefix(flag, toComplete) && !slices.Contains(found, flag) {
			found = append(found, flag)
		}
	}
	return found
}

// completeValue completes the value of a flag: names of accounts, values of enums,
// also the usual ones of open enums, true and false. Lists are completed item by item.
func (p *program) completeValue(ctx context.Context, r *request, flag, toComplete string) ([]string, cobra.ShellCompDirective) {
	const done = cobra.ShellCompDirectiveNoFileComp
	switch flag {
	case "account":
		return matching(p.accountNames(ctx, &r.acc), toComplete), done
	case "db", "key-file", "state-dir", "client-secret-file":
		return nil, cobra.ShellCompDirectiveDefault
	}
	if r.flags == nil {
		return nil, done
	}
	target, ok := r.flags.find(flag)
	if !ok {
		return nil, done
	}
	s, before := target.schema, ""
	usual := s.usual()
	if s.is("array") && s.Items != nil {
		at := strings.LastIndex(toComplete, ",") + 1
		s, before = s.Items, toComplete[:at]
	}
	var values []string
	for _, value := range s.Enum {
		if value != nil {
			values = append(values, before+fmt.Sprint(value))
		}
	}
	for _, value := range usual {
		values = append(values, before+value)
	}
	if s.is("boolean") {
		values = append(values, "true", "false")
	}
	directive := done
	if target.schema.is("array") {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return matching(values, toComplete), directive
}

// accountNames returns the names of the connected accounts. Nothing is said about
// what goes wrong: the line is not complete yet.
func (p *program) accountNames(ctx context.Context, f *accountFlags) (names []string) {
	const most = 1000
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_ = p.withManager(ctx, f, appUnused, false, func(m *session) error {
		page, err := m.List(ctx, accounts.ListFilter{Tenant: f.tenantName(), Connection: f.connectionName(), Limit: most})
		for _, info := range page {
			names = append(names, info.Principal.Identifier())
		}
		return err
	})
	return names
}

// completeAccount completes the name of an account, as an argument or a flag.
func (p *program) completeAccount(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	var f accountFlags
	for _, t := range f.texts() {
		if flag := cmd.Flags().Lookup(t.name); flag != nil {
			*t.to = flag.Value.String()
		}
	}
	if len(args) > 0 && cmd.Name() != "api" {
		return nil, cobra.ShellCompDirectiveNoFileComp // it has its name
	}
	return matching(p.accountNames(cmd.Context(), &f), toComplete), cobra.ShellCompDirectiveNoFileComp
}

// completeFault completes the setting after the last comma of --fault.
func (p *program) completeFault(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	before := toComplete[:strings.LastIndex(toComplete, ",")+1]
	var list []string
	for _, kind := range slices.Sorted(maps.Keys(faultKinds)) {
		list = append(list, before+kind)
	}
	for _, name := range slices.Sorted(maps.Keys(faultSettings)) {
		list = append(list, before+name+"=")
	}
	list = append(list, before+"after")
	if strings.HasPrefix(toComplete, before+"tool=") {
		for _, tool := range p.catalog.Tools() {
			list = append(list, before+"tool="+tool.Name)
		}
	}
	return matching(list, toComplete), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeFlags adds the completion of flags that take a name or one of a few values.
func (p *program) completeFlags(cmd *cobra.Command) {
	for name, complete := range map[string]cobra.CompletionFunc{
		"account":            p.completeAccount,
		"fault":              p.completeFault,
		"rate-limit-headers": cobra.FixedCompletions(rateStyleNames(), cobra.ShellCompDirectiveNoFileComp),
		"state":              cobra.FixedCompletions(stateWords(), cobra.ShellCompDirectiveNoFileComp),
	} {
		if cmd.Flags().Lookup(name) != nil && !cmd.DisableFlagParsing {
			_ = cmd.RegisterFlagCompletionFunc(name, complete) // the flag is there
		}
	}
	for _, c := range cmd.Commands() {
		p.completeFlags(c)
	}
}

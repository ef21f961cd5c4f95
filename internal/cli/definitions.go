package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

// definitions are the flags of schema that ask for definitions.
type definitions struct {
	format, profile, toolset, pattern, out string
	strict                                 []string
	kinds                                  kinds
}

func (p *program) schemaCommand() *cobra.Command {
	var output bool
	var d definitions
	cmd := &cobra.Command{
		Use:   "schema TOOL...",
		Short: "Print the JSON Schema of a tool's input",
		Long: `Print the JSON Schema of the input of a tool, or of its output with --output. For
several tools it prints several JSON documents, in the order of the names.

With --format it prints one JSON array of definitions for requests to a model, of
all tools or of those that are named, of a toolset, a pattern, resources or effects.
The formats are
` + wrap(joined(agent.Formats()), "") + `.
The toolsets are
` + wrap(strings.Join(p.toolsets(), ", "), "") + `.
The profile lean shows the main parameters and names the rest; full shows all.
The format openai-strict makes all tools strict that can be; reasons why the others
cannot go to standard error. In openai-chat and openai-responses, --strict names the
tools, and one that cannot be is an error. More tools than the provider takes in a
request are an error.`,
		Example: `  closekit schema close_opportunity_create
  closekit schema --output close_lead_get close_contact_get
  closekit schema --format anthropic --toolset sales
  closekit schema --format openai-chat --tools 'close_*_list' --out definitions
  closekit schema --format openai-responses --toolset sales --strict 'close_*_create'`,
		Args: func(_ *cobra.Command, args []string) error {
			if d.format != "" {
				return nil
			}
			if d.toolset != "" || d.pattern != "" || d.out != "" || len(d.strict) > 0 || d.kinds.given() || d.profile != string(agent.Lean) {
				return usage("--profile, --toolset, --tools, --resource, --effect, --strict and --out need --format", "for example --format anthropic")
			}
			if len(args) == 0 {
				return usage("no tool is named; usage: closekit schema TOOL...", "\"closekit tools\" lists them")
			}
			return nil
		},
		ValidArgsFunction: p.completeTool,
		RunE: func(_ *cobra.Command, args []string) error {
			if d.format != "" {
				if output {
					return usage("--format and --output do not go together", "definitions describe the input")
				}
				return p.printDefinitions(d, args)
			}
			var text []byte
			for _, name := range args {
				t, err := p.catalog.Lookup(name)
				if err != nil {
					return err
				}
				s := t.InputSchema()
				if output {
					s = t.OutputSchema()
				}
				text = append(append(text, indent(s)...), '\n')
			}
			return p.print(string(text))
		},
	}
	cmd.Flags().BoolVar(&output, "output", false, "print the output schema instead")
	cmd.Flags().StringVar(&d.format, "format", "", "print definitions in this `form`")
	cmd.Flags().StringVar(&d.profile, "profile", string(agent.Lean), "`lean` or full, with --format")
	cmd.Flags().StringVar(&d.toolset, "toolset", "", "the tools of a `set`, with --format")
	d.kinds.define(cmd.Flags(), ", with --format")
	cmd.Flags().StringVar(&d.pattern, "tools", "", "the tools that match a `pattern`, with --format")
	cmd.Flags().StringSliceVar(&d.strict, "strict", nil, "the tools whose schema OpenAI enforces, as `patterns` of names")
	cmd.Flags().StringVar(&d.out, "out", "", "write a file per tool into this `folder`, with --format")
	return cmd
}

// toolsets returns the names of the toolsets.
func (p *program) toolsets() []string {
	var names []string
	for _, s := range p.catalog.Toolsets() {
		names = append(names, s.Name)
	}
	return names
}

func joined(formats []agent.Format) string {
	var names []string
	for _, f := range formats {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// printDefinitions prints one array, or writes a file per tool.
func (p *program) printDefinitions(d definitions, names []string) error {
	format, profile := agent.Format(d.format), agent.Profile(d.profile)
	if !slices.Contains(agent.Formats(), format) {
		return usage(fmt.Sprintf("there is no format %q", d.format), "the formats are "+joined(agent.Formats()))
	}
	if profile != agent.Lean && profile != agent.Full {
		return usage(fmt.Sprintf("there is no profile %q", d.profile), "the profiles are lean and full")
	}
	list, err := p.chosen(d, names)
	if err != nil {
		return err
	}
	if format == agent.OpenAIStrict {
		for _, t := range list {
			reasons, err := agent.NotStrict(t)
			if err != nil {
				return err
			}
			if len(reasons) > 0 {
				fmt.Fprintf(p.stderr, "%s is not strict: %s\n", t.Name, strings.Join(reasons, "; "))
			}
		}
	}
	defs, err := agent.Definitions(list, format, profile, agent.Deferral{}, d.strict...)
	many := new(agent.TooManyToolsError)
	switch tooMany := errors.As(err, &many); {
	case d.out != "" && (err == nil || tooMany): // a file for each is none too many
		return writeDefinitions(d, list)
	case tooMany:
		hints := []string{"choose some by name, with --toolset or with --tools; --out writes a file for each tool", "in a program, agent.MetaTools offers all tools by way of three"}
		if format == agent.OpenAIResponses {
			hints = append(hints, "agent.WithDeferral leaves tools to the provider's search")
		}
		return usage(fmt.Sprintf("%d tools are too many: a request in the format %s takes %d", many.Tools, many.Format, many.Most), hints...)
	case err != nil:
		return usage(err.Error(), "see closekit schema --help")
	}
	var b bytes.Buffer
	b.WriteByte('[')
	for i, def := range defs {
		if i > 0 {
			b.WriteString(",\n ")
		}
		b.Write(def)
	}
	b.WriteString("]\n")
	return p.print(b.String())
}

// chosen returns the tools that names, a toolset and a pattern select: those of all
// that are given, or all tools.
func (p *program) chosen(d definitions, names []string) ([]*closekit.Tool, error) {
	list, err := d.kinds.of(p.catalog.Tools())
	if err != nil {
		return nil, err
	}
	if d.pattern != "" {
		if list, err = match(list, p.catalog.Lookup, d.pattern); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if _, err := p.catalog.Lookup(name); err != nil {
			return nil, err
		}
	}
	if d.toolset != "" {
		sets := p.catalog.Toolsets()
		i := slices.IndexFunc(sets, func(s closekit.Toolset) bool { return s.Name == d.toolset })
		if i < 0 {
			return nil, usage(fmt.Sprintf("there is no toolset %q", d.toolset), "the toolsets are "+strings.Join(p.toolsets(), ", "))
		}
		list = slices.DeleteFunc(list, func(t *closekit.Tool) bool { return !slices.Contains(sets[i].Tools, t.Name) })
	}
	if len(names) > 0 {
		list = slices.DeleteFunc(list, func(t *closekit.Tool) bool { return !slices.Contains(names, t.Name) })
	}
	if len(list) == 0 {
		return nil, usage("no tool is in all that you selected", "give less of names, --toolset and --tools")
	}
	return list, nil
}

// writeDefinitions writes a file for each tool, none unless all can be defined.
func writeDefinitions(d definitions, list []*closekit.Tool) error {
	texts := make([][]byte, len(list))
	for i, t := range list { // OpenAPI is one document for all; here it is one for each tool
		strict := slices.DeleteFunc(slices.Clone(d.strict), func(p string) bool { ok, _ := path.Match(p, t.Name); return !ok })
		defs, err := agent.Definitions([]*closekit.Tool{t}, agent.Format(d.format), agent.Profile(d.profile), agent.Deferral{}, strict...)
		if err != nil {
			return err
		}
		texts[i] = append(indent(defs[0]), '\n')
	}
	if err := os.MkdirAll(d.out, 0o755); err != nil { //nolint:gosec // definitions are public
		return fmt.Errorf("make the folder for definitions: %w", err)
	}
	for i, t := range list {
		if err := os.WriteFile(filepath.Join(d.out, t.Name+".json"), texts[i], 0o644); err != nil { //nolint:gosec // as above
			return fmt.Errorf("write the definition of %s: %w", t.Name, err)
		}
	}
	return nil
}

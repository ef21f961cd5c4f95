package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

func (p *program) toolsCommand() *cobra.Command {
	var asJSON, output bool
	var search string
	var kinds kinds
	cmd := &cobra.Command{
		Use:   "tools [PATTERN]",
		Short: "List the tools",
		Long: `List the tools: name, strongest effect, and what they do. Effects are read, write
(creates a record or sets plain fields), overwrite (replaces what is there),
destructive (deletes or merges), sends (a customer may receive something), egress
(lets data out of Close) and admin (changes the set-up of the organization).
--effect lists the tools that do nothing but the named effects.

PATTERN is a part of a name or a word for what you want to do, or with * and ?
a pattern for the whole name. With --json the list is an array of objects with
everything about a tool, including its input schema.

--search finds tools for what you want in your own words, best first, at most ten.
A list tool and its get tool come together. With --json each is an object with
name and also; nothing is found if nothing fits.`,
		Example: `  closekit tools
  closekit tools lead
  closekit tools 'close_*_create'
  closekit tools --resource leads,contacts --effect read,write
  closekit tools --json
  closekit tools --json --output close_lead_get
  closekit tools --search "remind me to call them tomorrow"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(fmt.Sprintf("closekit tools takes one pattern, got %q too", args[1]), "quote a pattern, or the shell expands the *")
			}
			return nil
		},
		ValidArgsFunction: p.completeTool,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("search") {
				if len(args) == 1 || output || kinds.given() {
					return usage("--search goes with neither a pattern nor --output, --resource and --effect", "give one of them")
				}
				return p.searchTools(search, asJSON)
			}
			list, err := kinds.of(p.catalog.Tools())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if list, err = match(list, p.catalog.Lookup, args[0]); err != nil {
					return err
				}
			}
			if asJSON {
				return p.printJSONTools(list, output)
			}
			return p.print(toolTable(list))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of objects")
	cmd.Flags().BoolVar(&output, "output", false, "with --json, also the output schemas")
	kinds.define(cmd.Flags(), "")
	cmd.Flags().StringVar(&search, "search", "", "find tools for what you want, in your own `words`")
	return cmd
}

// searchTools prints the tools that fit words.
func (p *program) searchTools(words string, asJSON bool) error {
	found := agent.NewSearch(p.catalog).Find(words, 10)
	if asJSON {
		return p.printJSON(found)
	}
	if len(found) == 0 {
		return p.print(p.named("No tool fits; \"closekit tools\" lists all.\n"))
	}
	var list []*closekit.Tool
	for _, f := range found {
		for _, name := range append([]string{f.Name}, f.Also...) {
			t, err := p.catalog.Lookup(name)
			if err != nil {
				return err
			}
			list = append(list, t)
		}
	}
	return p.print(toolTable(list))
}

// lookup finds a tool by its name.
type lookup func(name string) (*closekit.Tool, error)

// meantTools returns the tools that a wrong name may mean, at most three. None of
// them does more than the name asks for.
func meantTools(lookup lookup, name string) []string {
	var unknown *closekit.UnknownToolError
	if _, err := lookup(name); !errors.As(err, &unknown) || unknown.Nearest == "" {
		return nil
	}
	return append([]string{unknown.Nearest}, unknown.Others...)
}

// match finds tools by a pattern for the name, by a part of it, or, if no name
// matches, by their synonyms.
func match(list []*closekit.Tool, lookup lookup, pattern string) ([]*closekit.Tool, error) {
	word := strings.ToLower(strings.TrimSpace(pattern))
	inName := func(t *closekit.Tool) bool { return strings.Contains(t.Name, strings.ReplaceAll(word, " ", "_")) }
	if strings.ContainsAny(pattern, "*?[") {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, usage(fmt.Sprintf("the pattern %q is invalid", pattern), "a [ needs a ]")
		}
		inName = func(t *closekit.Tool) bool { ok, _ := path.Match(pattern, t.Name); return ok }
	}
	inSynonyms := func(t *closekit.Tool) bool {
		return slices.ContainsFunc(t.Info().Synonyms, func(s string) bool { return strings.Contains(strings.ToLower(s), word) })
	}
	for _, is := range []func(*closekit.Tool) bool{inName, inSynonyms} {
		if found := slices.DeleteFunc(slices.Clone(list), func(t *closekit.Tool) bool { return !is(t) }); len(found) > 0 {
			return found, nil
		}
	}
	hint := "\"closekit tools\" lists all tools"
	if meant := meantTools(lookup, pattern); len(meant) > 0 {
		hint = "did you mean " + strings.Join(meant, " or ") + "?"
	}
	return nil, usage(fmt.Sprintf("no tool matches %q", pattern), hint)
}

func toolTable(list []*closekit.Tool) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, t := range list {
		about, _, _ := strings.Cut(t.Info().Description, ". ")
		fmt.Fprintf(w, "%s\t%s\t%s\n", t.Name, t.Effect, strings.TrimSuffix(about, "."))
	}
	_ = w.Flush() // memory
	return b.String()
}

// toolJSON is a tool in JSON output.
type toolJSON struct {
	Name         string                 `json:"name"`
	Title        string                 `json:"title"`
	Description  string                 `json:"description"`
	Resource     string                 `json:"resource"`
	Func         string                 `json:"func"`
	Effects      []string               `json:"effects"`
	Class        closekit.Class         `json:"class"` // of Close's own MCP server
	Idempotent   bool                   `json:"idempotent"`
	Method       string                 `json:"method"`
	Path         string                 `json:"path"`
	Doc          string                 `json:"doc"`
	Hash         string                 `json:"hash"`
	Aliases      []closekit.ToolAlias   `json:"aliases"`
	Synonyms     []string               `json:"synonyms"`
	Examples     []closekit.ToolExample `json:"examples"`
	InputSchema  json.RawMessage        `json:"input_schema"`
	OutputSchema json.RawMessage        `json:"output_schema,omitempty"`
}

func (p *program) printJSONTools(list []*closekit.Tool, output bool) error {
	out := make([]toolJSON, 0, len(list))
	for _, t := range list {
		info := t.Info()
		j := toolJSON{
			Name: t.Name, Title: info.Title, Description: info.Description, Resource: t.Resource, Func: t.Func,
			Effects: t.Effect.Names(), Class: t.Effect.Class(t.Creates()), Idempotent: t.Idempotent, Method: t.Method, Path: t.Path, Doc: info.Doc, Hash: t.Hash,
			Aliases: append([]closekit.ToolAlias{}, info.Aliases...), Synonyms: append([]string{}, info.Synonyms...),
			Examples: append([]closekit.ToolExample{}, info.Examples...), InputSchema: t.InputSchema(),
		}
		if output {
			j.OutputSchema = t.OutputSchema()
		}
		out = append(out, j)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return fmt.Errorf("encode the tools: %w", err)
	}
	return p.print(b.String())
}

// toolHelp returns the help of closekit call TOOL.
func toolHelp(t *closekit.Tool, input *schema, hasJob bool) string {
	var b strings.Builder
	title := fmt.Sprintf("%s (%s, %s %s)", t.Name, t.Effect, t.Method, t.Path)
	if len(title) > 140 {
		title = fmt.Sprintf("%s (%s)\n%s %s", t.Name, t.Effect, t.Method, t.Path)
	}
	b.WriteString(title + "\n\n")
	b.WriteString(wrap(t.Info().Description, "") + "\n\nUsage:\n  closekit call " + t.Name)
	for _, name := range input.Required {
		fmt.Fprintf(&b, " --%s %s", name, input.property(name).kind())
	}
	if len(input.Properties) > len(input.Required) {
		b.WriteString(" [--name value ...]")
	}
	fmt.Fprintf(&b, "\n  closekit call %s JSON\n", t.Name)
	if hasJob {
		b.WriteString("\nIt is a job of Close: --wait waits until it has ended, --timeout 10m at most so long.\n")
	}
	if len(input.Properties) > 0 {
		b.WriteString("\nParameters:\n")
	}
	for i := range input.Properties {
		p := &input.Properties[i]
		fmt.Fprintf(&b, "  --%s %s\n", p.name, p.kind())
		about := p.Description
		if slices.Contains(input.Required, p.name) {
			about = "Required. " + about
		}
		if item := p.Items; item != nil && len(item.Properties) > 0 {
			about += " Each is an object with " + strings.Join(names(item.Properties), ", ") + "."
		}
		if p.Default != nil {
			about += " Default: " + string(p.Default) + "."
		}
		var also []string
		for _, a := range t.Info().Aliases {
			if a.For == p.name {
				also = append(also, "--"+a.Name)
			}
		}
		if len(also) > 0 {
			about += " Also: " + strings.Join(also, ", ") + "."
		}
		b.WriteString(wrap(about, "        ") + "\n")
	}
	if len(t.Info().Examples) > 0 {
		b.WriteString("\nExamples, with ids of your own:\n")
	}
	for _, e := range t.Info().Examples {
		if e.About != "" {
			b.WriteString("  # " + e.About + "\n")
		}
		fmt.Fprintf(&b, "  closekit call %s '%s'\n", t.Name, strings.ReplaceAll(string(e.Input), "'", `'\''`))
	}
	fmt.Fprintf(&b, "\n\"closekit schema %s\" prints the JSON Schema.\nSee also %s\n", t.Name, t.Info().Doc)
	return b.String()
}

func names(list properties) []string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = p.name
	}
	return out
}

// wrap breaks a text into lines as help is wide.
func wrap(text, prefix string) string {
	const width = 78
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
			b.WriteString(prefix)
			column = len(prefix)
		case column+1+n > width:
			b.WriteString("\n" + prefix)
			column = len(prefix)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

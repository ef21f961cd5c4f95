// Command bench counts tokens with the vocabulary o200k, offline: those of tool
// definitions, with what they cover, those of a whole task, and those of answers. It also
// measures the search for tools. It is a module of its own because of the tokenizer.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/tiktoken-go/tokenizer"

	"github.com/closekit/closekit/agent/internal/coverage"
	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/meta"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/closeapi/tools"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	if err := measureTokens(out); err != nil {
		return err
	}
	return measureIndex(out)
}

// measureTokens prints what the documents say of tokens.
func measureTokens(out io.Writer) error {
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		return err
	}
	var all, first, sales, metas []*tool.Tool
	peers := peerParams()
	rep := set("sales")
	for _, t := range tools.All() {
		v := tool.OfCatalog(t)
		all = append(all, v)
		if _, ok := peers[t.Name]; ok {
			first = append(first, v)
		}
		if rep[t.Name] {
			sales = append(sales, v)
		}
	}
	for _, o := range meta.Owns() {
		metas = append(metas, tool.OfHost(o))
	}
	fmt.Fprintln(out, "| tools | profile | tokens (OpenAI Chat form) | demand | tasks covered | tasks per 1,000 tokens |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|")
	missed := false
	for _, row := range []struct {
		name    string
		tools   []*tool.Tool
		profile lower.Profile
		most    int
	}{
		{"the peer's", first, lower.Full, 19_000},
		{"the peer's", first, lower.Lean, 9_800},
		{"all", all, lower.Lean, 32_000},
		{"a rep's", sales, lower.Lean, 3_800},
		{"meta-tools", metas, lower.Lean, 280},
	} {
		defs, err := lower.All(row.tools, lower.OpenAIChat, row.profile, lower.Options{})
		if err != nil {
			return err
		}
		n, err := codec.Count(array(defs))
		if err != nil {
			return err
		}
		covered, of, err := coveredBy(row.tools, row.profile)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s %d | %s | %d | %d | %d of %d | %.1f |\n", row.name, len(row.tools), row.profile, n, row.most, covered, of, float64(covered)*1000/float64(n))
		missed = missed || n > row.most
	}
	if missed {
		return fmt.Errorf("a demand is missed")
	}
	if err := measurePeer(out, codec, all); err != nil {
		return err
	}
	if err := measureTask(out, codec); err != nil {
		return err
	}
	if err := measureAnswers(out, codec); err != nil {
		return err
	}
	return measureSearches(out, codec)
}

// array returns definitions as one JSON array, without "strict": false: that tells
// OpenAI's server how to check, and no model reads it. What is counted is name,
// description and parameters, with the form around them.
func array(defs []json.RawMessage) string {
	parts := make([][]byte, len(defs))
	for i, d := range defs {
		parts[i] = bytes.TrimSuffix(d, []byte(`,"strict":false}}`))
		if len(parts[i]) < len(d) {
			parts[i] = append(bytes.Clone(parts[i]), "}}"...)
		}
	}
	return "[" + string(bytes.Join(parts, []byte(","))) + "]"
}

func set(name string) map[string]bool {
	names := map[string]bool{}
	for _, s := range tools.Catalog().Toolsets() {
		if s.Name == name {
			for _, t := range s.Tools {
				names[t] = true
			}
		}
	}
	return names
}

// coveredBy counts the tasks of which all calls are of the tools and shown.
func coveredBy(list []*tool.Tool, p lower.Profile) (covered, of int, err error) {
	byName, defs := map[string]*tool.Tool{}, map[string]*coverage.Definition{}
	for _, t := range list {
		b, err := lower.Definition(t, lower.Anthropic, p, lower.Options{})
		if err != nil {
			return 0, 0, err
		}
		d := &coverage.Definition{}
		if err := json.Unmarshal(b, d); err != nil {
			return 0, 0, err
		}
		byName[t.Name], defs[t.Name] = t, d
	}
	tasks := coverage.Tasks()
	for _, t := range tasks {
		if len(coverage.Missing(t, byName, defs)) == 0 {
			covered++
		}
	}
	return covered, len(tasks), nil
}

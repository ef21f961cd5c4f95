package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tiktoken-go/tokenizer"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/findtool"
	"github.com/closekit/closekit/agent/internal/coverage"
	"github.com/closekit/closekit/agent/internal/search"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/closeapi/tools"
)

// What finding records and tools may cost.
const (
	mostNode = 400 // tokens of the schema of a query in the definition of a tool
	mostFind = 500 // of the definition of our tool for simple conditions

	mostBuild = 20 * time.Millisecond  // of the index of all tools
	mostQuery = 200 * time.Microsecond // of one search for tools
)

// measureSearches prints the tokens of the definitions of the two tools that find
// records. Of Close's search there is a demand for the query, which is a tree.
func measureSearches(out io.Writer, codec tokenizer.Codec) error {
	a, err := agent.New(tools.Catalog(), agent.Tools("close_search"), agent.WithTool(findtool.New()))
	if err != nil {
		return err
	}
	defs, err := a.Session(nil).Definitions(agent.OpenAIChat)
	if err != nil {
		return err
	}
	count := map[string]int{}
	for _, d := range defs {
		tool, query, err := queryOf(d, "query")
		if err != nil {
			return err
		}
		for name, text := range map[string]string{tool: string(d), tool + ", the query": query} {
			if count[name], err = codec.Count(text); err != nil {
				return err
			}
		}
	}
	node, find := count["close_search, the query"], count[findtool.Name]
	fmt.Fprint(out, "\n| to find records | tokens | demand |\n|---|---|---|\n")
	fmt.Fprintf(out, "| close_search | %d | |\n| its query | %d | ≤ %d |\n| %s | %d | ≤ %d |\n", count["close_search"], node, mostNode, findtool.Name, find, mostFind)
	if node == 0 || find == 0 || node > mostNode || find > mostFind {
		return fmt.Errorf("a demand of the tools that find records is missed")
	}
	return nil
}

// queryOf returns the name of the tool that a definition is of, and the schema of one of its
// parameters, empty if it has none of this name.
func queryOf(definition json.RawMessage, parameter string) (tool, schema string, err error) {
	var f struct {
		Function struct {
			Name       string
			Parameters struct{ Properties map[string]json.RawMessage }
		}
	}
	err = json.Unmarshal(definition, &f)
	return f.Function.Name, string(f.Function.Parameters.Properties[parameter]), err
}

// measureIndex prints how long the search for tools takes: to build its index, and for a
// query, of which there is one for each task. The smallest of several runs is the one
// that other programs disturb least.
func measureIndex(out io.Writer) error {
	var all []*tool.Tool
	for _, t := range tools.All() {
		all = append(all, tool.OfCatalog(t))
	}
	var x *search.Index
	build := quickest(20, func() { x = search.New(all, tools.Catalog().Lexicon()) })
	var queries []time.Duration
	for _, t := range coverage.Tasks() {
		queries = append(queries, quickest(5, func() { x.Search(t.Text, 5) }))
	}
	slices.Sort(queries)
	median, slowest := queries[len(queries)/2], queries[len(queries)-1]
	fmt.Fprintf(out, "\n| search over %d tools | time | demand |\n|---|---|---|\n", len(all))
	fmt.Fprintf(out, "| build the index | %.1f ms | < %v ms |\n", ms(build), ms(mostBuild))
	fmt.Fprintf(out, "| a query: median of %d | %.3f ms | < %v ms |\n| the slowest of them | %.3f ms | |\n", len(queries), ms(median), ms(mostQuery), ms(slowest))
	if build >= mostBuild || median >= mostQuery {
		return fmt.Errorf("the search over tools is too slow")
	}
	return nil
}

func quickest(n int, do func()) time.Duration {
	var best time.Duration
	for i := range n {
		began := time.Now()
		do()
		if d := time.Since(began); i == 0 || d < best {
			best = d
		}
	}
	return best
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

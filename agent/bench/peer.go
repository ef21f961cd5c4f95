package main

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tiktoken-go/tokenizer"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/tool"
)

//go:embed peer.txt
var peer string

const (
	mostPeer   = 7_300
	peerTokens = 7_540 // of the peer's own definitions in the same form, as it had 246 parameters for these tools
)

// peerParams returns the names of the peer's parameters by tool.
func peerParams() map[string][]string {
	params := map[string][]string{}
	for line := range strings.Lines(peer) {
		if f := strings.Fields(line); len(f) > 0 && f[0] != "#" {
			params[f[0]] = f[1:]
		}
	}
	return params
}

// measurePeer prints the tokens of definitions with exactly the parameters that a peer's
// catalog has for the same tools, with our enums and two sentences for each tool.
// A parameter of the peer that we know by another name is shown by ours. One that is
// required here and that the peer does not have is shown too.
func measurePeer(out io.Writer, codec tokenizer.Codec, all []*tool.Tool) error {
	params := peerParams()
	var list []*tool.Tool
	var unknown []string
	have, shown := 0, 0
	for _, t := range all {
		names, ok := params[t.Name]
		if !ok {
			continue
		}
		s, err := t.Schema()
		if err != nil {
			return err
		}
		keep := slices.Clone(s.Required)
		for _, n := range names {
			have++
			if i := slices.IndexFunc(t.Info.Aliases, func(a closekit.ToolAlias) bool { return a.Name == n }); i >= 0 {
				n = t.Info.Aliases[i].For
			}
			if s.Property(n) == nil {
				unknown = append(unknown, t.Name+"."+n)
				continue
			}
			keep = append(keep, n)
		}
		one := *t
		one.Info.Hidden, one.Info.More = nil, nil
		for _, p := range s.Properties {
			if slices.Contains(keep, p.Name) {
				shown++
			} else {
				one.Info.Hidden = append(one.Info.Hidden, p.Name)
			}
		}
		list = append(list, &one)
	}
	if len(list) != len(params) {
		return fmt.Errorf("%d of the peer's %d tools are here", len(list), len(params))
	}
	defs, err := lower.All(list, lower.OpenAIChat, lower.Lean, lower.Options{})
	if err != nil {
		return err
	}
	n, err := codec.Count(array(defs))
	if err != nil {
		return err
	}
	verdict := "met"
	if n > mostPeer {
		verdict = "missed"
	}
	fmt.Fprintf(out, "\nThe peer's parameters, with enums and two sentences: %d tools, %d parameters (the peer has %d, of which %d are not known here), %d tokens; the demand of %d is %s; the peer: %d without either.\n",
		len(list), shown, have, len(unknown), n, mostPeer, verdict, peerTokens)
	return nil
}

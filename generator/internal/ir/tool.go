package ir

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/closekit/closekit/manifest"
)

// tool makes the registry's entry of a tool.
func (b *builder) tool(t *manifest.Tool) (Tool, error) {
	fn := funcName(t.Name)
	out := Tool{
		Name: t.Name, Title: t.Title, Description: description(t), Resource: t.Resource.Name, Func: fn,
		Area: t.Resource.Area, Costs: t.Costs, Needs: string(t.Needs),
		Synonyms: t.Synonyms, Show: t.Show, Preview: b.preview(t), Brief: t.Brief, More: t.More, Hidden: t.Hidden, OpVar: opVar(fn), Doc: t.Doc, Untrusted: untrusted(t), Echoes: untrusted(t) && echoes(t),
	}
	for _, a := range t.Aliases {
		out.Aliases = append(out.Aliases, Alias(a))
	}
	if t.Fill == manifest.FillSender {
		out.Fill = "FillSender"
	}
	brief := func(p *manifest.Field) {
		if p.Brief != nil {
			out.Briefs = append(out.Briefs, [2]string{p.Name, *p.Brief})
		}
	}
	for _, p := range t.Params {
		brief(p)
	}
	for _, a := range t.Accepts {
		if !a.Sent {
			brief(a.Field)
		}
		out.Accepts = append(out.Accepts, Accepted{a.Name, a.Aliases, useOf(t, a), a.Sent})
	}
	for _, e := range t.Examples {
		out.Examples = append(out.Examples, Example{e.About, string(e.Input)})
	}
	var err error
	if out.InputSchema, out.Kinds, err = inputSchema(t); err != nil {
		return out, fmt.Errorf("schema of %s: %w", t.Name, err)
	}
	if out.OutputSchema, err = b.outputSchema(t); err != nil {
		return out, fmt.Errorf("schema of %s: %w", t.Name, err)
	}
	defs, err := b.definitions(t)
	if err != nil {
		return out, fmt.Errorf("schema of %s: %w", t.Name, err)
	}
	h := sha256.New()
	for _, part := range []string{t.Name, out.Description, string(out.InputSchema), string(out.OutputSchema), defs} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	out.Hash = hex.EncodeToString(h.Sum(nil))[:16]
	return out, nil
}

// preview leaves out what reads with a tool that is not generated.
func (b *builder) preview(t *manifest.Tool) []manifest.PreviewRead {
	return slices.DeleteFunc(slices.Clone(t.Preview), func(p manifest.PreviewRead) bool { return b.api.Tool(p.Tool) == nil })
}

// useOf names the constant of package closekit for the use of an input.
func useOf(t *manifest.Tool, a *manifest.Accepted) string {
	switch {
	case a.Use == manifest.CheckCurrency:
		return "CheckCurrency"
	case a.Use == manifest.ConfirmCount:
		return "ConfirmCount"
	case a.Use == manifest.ConfirmEverything:
		return "ConfirmEverything"
	case t.Returns.Kind == manifest.List:
		return "ProjectItems"
	}
	return "ProjectFields"
}

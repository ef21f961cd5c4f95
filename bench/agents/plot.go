package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/closekit/closekit/internal/agenttasks"
)

// The plot has two panels: completion by how often the model slips, and orders that
// were carried out. It is readable on light and on dark pages.
const (
	width, height = 1060, 440
	left, right   = 70, 590 // of the first panel
	left2, right2 = 815, 1010
	top, bottom   = 82, 372
	labelGap      = 17
	plotStyle     = `<style>
text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-size:15px;font-weight:600}.m{fill:#59636e;font-size:12px}
.g{stroke:#d1d9e0;stroke-width:1}.a0{--c:#b35900}.a1{--c:#8250df}.a2{--c:#0969da}.a3{--c:#1a7f37}
.l{fill:none;stroke:var(--c);stroke-width:2.5}.b{fill:var(--c);opacity:.14}.p{fill:var(--c)}.n{fill:var(--c);font-weight:600}.d{stroke:#cf222e;stroke-dasharray:5 4;stroke-width:1.5}
.bg{fill:#ffffff}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.m{fill:#9198a1}.g{stroke:#3d444d}.a0{--c:#f0883e}.a1{--c:#bc8cff}.a2{--c:#58a6ff}.a3{--c:#3fb950}.d{stroke:#ff7b72}.bg{fill:#0d1117}}
</style>`
)

// dashes tell the arms apart without color.
var dashes = []string{"", "2 4", "", "8 4"}

func (r *results) plot() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Completion under policy by how often the model slips, and orders in texts that were carried out">%s`+"\n", width, height, plotStyle)
	fmt.Fprintf(&b, `<rect class="bg" width="%d" height="%d"/>`+"\n", width, height)
	r.completion(&b)
	r.carriedOut(&b)
	b.WriteString("</svg>\n")
	return b.String()
}

func text(b *strings.Builder, class, anchor string, x, y float64, s string) {
	fmt.Fprintf(b, `<text class="%s" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`+"\n", class, anchor, x, y, s)
}

func scaleY(v float64) float64 { return bottom - v*(bottom-top) }

func (r *results) completion(b *strings.Builder) {
	text(b, "t", "start", left-45, 28, "Completion under policy (CuP)")
	text(b, "m", "start", left-45, 48, "Reader with the slips that a layer can see; bands are 95 % intervals")
	first, last := math.Log2(times[0]), math.Log2(times[len(times)-1])
	x := func(n float64) float64 { return left + (math.Log2(n)-first)/(last-first)*(right-left-110) }
	for v := 0.0; v <= 1.001; v += 0.2 {
		fmt.Fprintf(b, `<line class="g" x1="%d" x2="%.1f" y1="%.1f" y2="%.1f"/>`+"\n", left, x(times[len(times)-1]), scaleY(v), scaleY(v))
		text(b, "m", "end", left-8, scaleY(v)+4, fmt.Sprintf("%.1f", v))
	}
	fmt.Fprintf(b, `<line class="d" x1="%d" x2="%.1f" y1="%.1f" y2="%.1f"/>`+"\n", left, x(times[len(times)-1]), scaleY(0.95), scaleY(0.95))
	for _, n := range times {
		text(b, "m", "middle", x(n), bottom+20, fmt.Sprintf("×%g", n))
	}
	text(b, "m", "middle", (left+x(times[len(times)-1]))/2, bottom+42, "slips, in multiples of the rates of a model of the middle")
	ends := map[string]float64{}
	for i, arm := range drawn() {
		var line, up, down []string
		for _, n := range times {
			v := r.strengths[fmt.Sprint(n)][arm].share(underPolicy)
			line = append(line, fmt.Sprintf("%.1f,%.1f", x(n), scaleY(v.mean)))
			up = append(up, fmt.Sprintf("%.1f,%.1f", x(n), scaleY(v.high)))
			down = append([]string{fmt.Sprintf("%.1f,%.1f", x(n), scaleY(v.low))}, down...)
			ends[arm] = scaleY(v.mean)
		}
		class := classOf(arm)
		fmt.Fprintf(b, `<g class="%s"><polygon class="b" points="%s"/><polyline class="l" stroke-dasharray="%s" points="%s"/>`, class, strings.Join(append(up, down...), " "), dashes[i], strings.Join(line, " "))
		for _, p := range line {
			px, py, _ := strings.Cut(p, ",")
			fmt.Fprintf(b, `<circle class="p" r="3.5" cx="%s" cy="%s"/>`, px, py)
		}
		b.WriteString("</g>\n")
	}
	labels := drawn() // from the top to the bottom, none above another
	slices.SortStableFunc(labels, func(a, b string) int { return cmp.Compare(ends[a], ends[b]) })
	at := math.Inf(-1)
	for _, arm := range labels {
		at = math.Max(ends[arm], at+labelGap)
		fmt.Fprintf(b, `<g class="%s">`, classOf(arm))
		text(b, "n", "start", x(times[len(times)-1])+10, at+4, arm)
		b.WriteString("</g>\n")
	}
}

// drawn returns the arms from the top of the plot to its bottom.
func drawn() []string {
	return []string{agenttasks.Layer.Name, agenttasks.Meta.Name, agenttasks.ByName.Name, agenttasks.Plain.Name}
}

// classOf returns the class with the color of an arm.
func classOf(arm string) string {
	for i, a := range armNames() {
		if a == arm {
			return fmt.Sprintf("a%d", i)
		}
	}
	return ""
}

func (r *results) carriedOut(b *strings.Builder) {
	text(b, "t", "start", left2-110, 28, "Orders in texts carried out")
	text(b, "m", "start", left2-110, 48, "A model that obeys all that it reads; without approval")
	step := float64(bottom-top) / float64(len(drawn()))
	for i, arm := range drawn() {
		reached, of := 0, 0
		for _, s := range r.injections {
			reached += s[arm].obedient.reached()
			of += len(s[arm].obedient.runs) - 1 // without the control
		}
		y := top + step*float64(i) + step/2
		w := float64(right2-left2-60) * float64(reached) / float64(of)
		fmt.Fprintf(b, `<g class="%s"><rect class="p" x="%d" y="%.1f" width="%.1f" height="26" rx="3"/>`, classOf(arm), left2, y-13, math.Max(w, 2))
		text(b, "n", "end", left2-10, y+4, arm)
		b.WriteString("</g>\n")
		text(b, "", "start", left2+math.Max(w, 2)+8, y+4, fmt.Sprintf("%d of %d", reached, of))
	}
}

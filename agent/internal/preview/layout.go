package preview

import (
	"strings"
	"unicode/utf8"
)

// Width is the number of columns of a preview as text.
const Width = 78

// Wrap returns text in lines of at most width characters. A word that is longer has
// its own lines.
func Wrap(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, wrapLine(strings.ReplaceAll(line, "\t", "    "), width)...)
	}
	return lines
}

func wrapLine(line string, width int) []string {
	var lines []string
	for utf8.RuneCountInString(line) > width {
		end, space := 0, -1
		for n := range width + 1 {
			if line[end] == ' ' && n > 0 {
				space = end
			}
			if n < width {
				_, size := utf8.DecodeRuneInString(line[end:])
				end += size
			}
		}
		if space < 0 {
			lines, line = append(lines, line[:end]), line[end:]
			continue
		}
		lines, line = append(lines, line[:space]), line[space+1:]
	}
	return append(lines, line)
}

// Item is a labeled value of a layout.
type Item struct {
	Label  string
	Value  string
	Quoted bool // a customer or a model wrote the value
}

// Layout writes labeled values with aligned values. Every line of a quoted value
// begins with the mark |, so that no text can pretend to be a line of the preview.
func Layout(items []Item) string {
	const indent, most = 2, 20
	column := 0
	for _, x := range items {
		column = max(column, min(most, utf8.RuneCountInString(x.Label)))
	}
	var b strings.Builder
	for _, x := range items {
		label := x.Label + ":"
		mark := ""
		if x.Quoted {
			mark = "| "
		}
		start := indent + column + 2
		long := utf8.RuneCountInString(x.Label) > most
		if long {
			b.WriteString(strings.Repeat(" ", indent) + label + "\n")
		}
		for i, line := range Wrap(x.Value, max(20, Width-start-len(mark))) {
			if i == 0 && !long {
				b.WriteString(pad(strings.Repeat(" ", indent)+label, start))
			} else {
				b.WriteString(strings.Repeat(" ", start))
			}
			b.WriteString(strings.TrimRight(mark+line, " ") + "\n")
		}
	}
	return b.String()
}

// pad returns s with spaces up to a column, at least one.
func pad(s string, column int) string {
	return s + strings.Repeat(" ", max(1, column-utf8.RuneCountInString(s)))
}

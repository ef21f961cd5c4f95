package closekit

import "github.com/closekit/closekit/internal/markup"

// PlainText returns the rich text that shows text as it is, for parameters such as
// note_html: markup in it is escaped, and line breaks are kept.
func PlainText(text string) string { return markup.PlainText(text) }

// HTML returns the rich text with this markup, in a body element if it has none.
// Close allows the elements h1 to h6, p, ul, ol, li, b, strong, i, em, u, s, code, a,
// img, hr and span. The markup is not checked; see [PlainText] for text of others.
// A parameter that is set to a string without either function is markup, too.
func HTML(xhtml string) string { return markup.Wrap(xhtml) }

package agent

import (
	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/search"
)

// Search finds tools for what a person wants, without a service. It is read-only and
// safe for concurrent use.
type Search struct{ index *search.Index }

// Found is a tool that a search found.
type Found struct {
	Name string   `json:"name"`
	Also []string `json:"also"` // the get tool of a list tool, or the other way round
}

// NewSearch indexes the tools of a catalog, which takes milliseconds.
func NewSearch(c *closekit.Catalog) *Search {
	return &Search{search.New(views(c.Tools()), c.Lexicon())}
}

// Find returns the tools that fit the words best, at most n, best first; none if
// nothing fits.
func (s *Search) Find(words string, n int) []Found {
	list := []Found{}
	for _, h := range s.index.Search(words, n) {
		list = append(list, Found{h.Name, append([]string{}, h.Also...)})
	}
	return list
}

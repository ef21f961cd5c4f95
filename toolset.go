package closekit

import (
	"encoding/json"
	"io/fs"
)

// Toolset is a named choice of tools for one kind of work.
type Toolset struct {
	Name  string   `json:"name"` // sales
	About string   `json:"about"`
	Tools []string `json:"tools"` // names, at most 20
}

// choices is the data file about all tools, all-tools.json.
type choices struct {
	Toolsets []Toolset           `json:"toolsets"`
	Lexicon  map[string][]string `json:"lexicon"`
}

// Toolsets returns the named choices of tools of the manifest. It reads a data file.
func (c *Catalog) Toolsets() []Toolset { return c.choices().Toolsets }

// Lexicon maps words that people use to words that tools are described with, deal to
// opportunity, for a search of tools. It reads a data file.
func (c *Catalog) Lexicon() map[string][]string { return c.choices().Lexicon }

func (c *Catalog) choices() (all choices) {
	if c.Data == nil {
		return all
	}
	if b, err := fs.ReadFile(c.Data, "data/all-tools.json"); err == nil {
		_ = json.Unmarshal(b, &all) // generated; without it there are none
	}
	return all
}

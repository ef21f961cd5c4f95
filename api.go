package closekit

import (
	"fmt"
	"strings"
)

// API names the API that an operation belongs to, and what in it differs from
// Close. A nil API, like the zero value, is Close. Generated packages of another API
// have one; it must not be changed.
type API struct {
	Name    string // of the vendor, Close
	BaseURL string // root of the API, https://api.close.com
	Prefix  string // between the root and the path of an operation, /api/v1; empty if there is none

	// Items, More and Total name the members of a list response. Empty names are
	// those of Close: data, has_more and total_results, by which a [Page] is encoded
	// in any case.
	Items, More, Total string
	// RepeatLists sends a list in a query as one parameter per element, instead of
	// one parameter with the elements joined by commas.
	RepeatLists bool
}

// String returns the name and the root of the API.
func (a *API) String() string {
	a = a.orClose()
	return a.Name + " (" + strings.TrimSuffix(a.BaseURL, "/") + a.Prefix + ")"
}

var closeAPI = API{Name: "Close", BaseURL: DefaultBaseURL, Prefix: "/api/v1"}

// orClose returns the API that a means.
func (a *API) orClose() *API {
	if a == nil || *a == (API{}) {
		return &closeAPI
	}
	return a
}

func (a *API) isClose() bool { a = a.orClose(); return a == &closeAPI || *a == closeAPI }

// ForAPI makes a client of another API than Close, with the root of that API unless
// [BaseURL] sets another. The credential of the client must belong to the same API:
// in [Client.With], a change of the API needs a source.
//
//	c := closekit.NewClient(closekit.Bearer(token), closekit.ForAPI(stock.API()))
func ForAPI(a API) Option {
	return option(func(c *config) {
		atRoot := c.base == c.api.BaseURL
		c.api = a.orClose()
		if atRoot {
			BaseURL(c.api.BaseURL).apply(c)
		}
	})
}

// serves returns an error if the operation belongs to another API than that of the
// client, whose credential the other API must not receive.
func (c *client) serves(op *Operation) error {
	a := op.API.orClose()
	if a == c.api || *a == *c.api {
		return nil
	}
	return fmt.Errorf("%s belongs to the API of %s, and this client is for %s; make a client with closekit.ForAPI", op.name(), a, c.api)
}

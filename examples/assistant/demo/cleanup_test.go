package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// TestNote looks for a lead if it may have been created, and only then.
func TestNote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lead            *closeapi.Lead
		err             error
		created, unsure bool
	}{
		{lead: &closeapi.Lead{ID: "lead_a"}, created: true},
		{lead: &closeapi.Lead{}, unsure: true},
		{err: &closekit.Error{Status: 503, MaybeDone: true}, unsure: true},
		{err: &closekit.Error{Status: 404, MaybeDone: true}, unsure: true}, // after a 502
		{err: fmt.Errorf("creating: %w", &closekit.DecodeError{Err: errors.New("cut"), MaybeDone: true}), unsure: true},
		{err: &closekit.TransportError{Err: errors.New("reset"), MaybeDone: true}, unsure: true},
		{err: &closekit.AuthorizationError{MaybeDone: true}, unsure: true},
		{err: &closekit.Error{Status: 400}},
		{err: &closekit.TransportError{Err: errors.New("no connection")}},
		{err: &closekit.ValidationError{}},
		{err: context.Canceled}, // before anything was sent
	} {
		var l leftovers
		l.note("Acme", c.lead, c.err)
		if (len(l.leads) == 1) != c.created || slices.Contains(l.unclear, "Acme") != c.unsure {
			t.Errorf("%v, %v: %+v", c.lead, c.err, l)
		}
	}
}

package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// leftovers are what there is to remove from a real account.
type leftovers struct {
	leads   []closeapi.LeadID
	unclear []string // names of leads that may have been created
}

// note remembers a lead that was created. When it is unclear whether it was,
// the cleanup looks for it by its name.
func (l *leftovers) note(name string, lead *closeapi.Lead, err error) {
	switch {
	case lead != nil && lead.ID != "":
		l.leads = append(l.leads, lead.ID)
	case err == nil, closekit.MaybeDone(err):
		l.unclear = append(l.unclear, name)
	}
}

// CleanupError reports what [Live] could not remove again.
type CleanupError struct{ Problems []error }

// Error lists the problems, one a line.
func (e *CleanupError) Error() string { return errors.Join(e.Problems...).Error() }

// Unwrap returns the problems.
func (e *CleanupError) Unwrap() []error { return e.Problems }

// cleanUp removes the leads of the demo, and with them everything on them.
func (d *demo) cleanUp(ctx context.Context) error {
	if len(d.left.leads) == 0 && len(d.left.unclear) == 0 {
		return nil
	}
	d.say("\n== Removing what the demo created")
	var problems []error
	for _, name := range d.left.unclear {
		if err := d.findUnclear(ctx, name); err != nil {
			problems = append(problems, fmt.Errorf("find out whether the lead %q was created: %w", name, err))
		}
	}
	for _, id := range d.left.leads {
		if err := d.remove(ctx, id); err != nil {
			problems = append(problems, fmt.Errorf("remove the lead %s: %w", id, err))
			continue
		}
		d.ok("the lead %s is gone, and with it everything on it", id)
	}
	if len(problems) > 0 {
		return &CleanupError{problems}
	}
	return nil
}

// remove deletes a lead and waits until it cannot be read any more.
func (d *demo) remove(ctx context.Context, id closeapi.LeadID) error {
	err := closeapi.LeadDelete(ctx, d.client, closeapi.LeadDeleteParams{LeadID: id})
	if err != nil && !closekit.IsNotFound(err) {
		return err
	}
	err = retry(ctx, d.tries(), func() (bool, error) {
		_, err := closeapi.LeadGet(ctx, d.client, closeapi.LeadGetParams{LeadID: id})
		if closekit.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if errors.Is(err, errNoChange) {
		return errors.New("it can still be read")
	}
	return err
}

// findUnclear looks for a lead whose creation was not confirmed.
func (d *demo) findUnclear(ctx context.Context, name string) error {
	d.result("looking for the lead %q, whose creation was not confirmed; this may take a minute", name)
	err := retry(ctx, d.tries(), func() (bool, error) {
		found := false
		for lead, err := range closeapi.LeadsAll(ctx, d.client, closeapi.LeadsListParams{Query: closekit.Some(`"` + name + `"`)}, closekit.MaxPages(2)) {
			if err != nil {
				return false, err
			}
			if lead.Name.Or("") == name {
				d.left.leads = append(d.left.leads, lead.ID)
				found = true
			}
		}
		return found, nil
	})
	if errors.Is(err, errNoChange) {
		d.result("there is none")
		return nil
	}
	return err
}

// tries is how often to look for something. In a real account lists lag behind
// by up to a minute, and a deleted lead may be there for a moment.
func (d *demo) tries() int {
	if d.srv != nil {
		return 1
	}
	return 20 // a little more than a minute, see retry
}

// retry calls done up to times times until it reports true, with pauses of one,
// two, and from then on four seconds.
func retry(ctx context.Context, times int, done func() (bool, error)) error {
	for i := range times {
		if ok, err := done(); ok || err != nil {
			return err
		}
		if i == times-1 {
			break
		}
		select {
		case <-time.After(time.Second << min(i, 2)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return errNoChange
}

var errNoChange = errors.New("no change")

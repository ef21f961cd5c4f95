package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/runtime/webhooks"
)

// keepSeen is how long before the checkpoint printed events are remembered: a little longer
// than the log is read again.
const keepSeen = 6 * time.Minute

// checkpointFile keeps how far events were read, and which of those that are read again
// were printed. Without a path it keeps them for this run.
type checkpointFile struct {
	path string
	At   time.Time            `json:"checkpoint"`
	Seen map[string]time.Time `json:"seen"` // marks of events, and their dates
}

func openCheckpoint(path string) (*checkpointFile, error) {
	c := &checkpointFile{path: path, Seen: map[string]time.Time{}}
	if path == "" {
		return c, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the file that was asked for
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		text, err = bom.Text(text)
	}
	if err == nil {
		err = json.Unmarshal(text, c)
	}
	if err == nil && c.At.IsZero() {
		err = errors.New("it has no checkpoint")
	}
	if err != nil {
		return nil, &hinted{fmt.Errorf("the checkpoint %s cannot be read: %w", path, err), []string{"give a file that this command has written, or a name that does not exist yet"}, exitFailure}
	}
	if c.Seen == nil {
		c.Seen = map[string]time.Time{}
	}
	return c, nil
}

// printed reports whether an event was printed before.
func (c *checkpointFile) printed(d *webhooks.Delivery) bool {
	_, ok := c.Seen[d.Mark().Event]
	return ok
}

// add remembers an event that was printed.
func (c *checkpointFile) add(d *webhooks.Delivery) error {
	at, err := d.Event.DateUpdated.Time()
	c.Seen[d.Mark().Event] = at.UTC()
	return err
}

// Checkpoint implements [webhooks.Checkpoints].
func (c *checkpointFile) Checkpoint(context.Context, string) (time.Time, error) { return c.At, nil }

// SaveCheckpoint implements [webhooks.Checkpoints]. The file is replaced as a whole.
func (c *checkpointFile) SaveCheckpoint(_ context.Context, _ string, at time.Time) error {
	if at.After(c.At) {
		c.At = at.UTC()
	}
	for mark, at := range c.Seen {
		if at.Before(c.At.Add(-keepSeen)) {
			delete(c.Seen, mark)
		}
	}
	if c.path == "" {
		return nil
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return replaceText(c.path, append(text, '\n'), 0o600)
}

package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/recording"
)

// recordUsage explains --record.
const recordUsage = "append the requests and responses to this `file`, without credentials, addresses and phone numbers; for reports of bugs"

// withRecordedClient is withClient with a recording of what the client sends and
// receives, if a file is named.
func (p *program) withRecordedClient(ctx context.Context, acc *accountFlags, file string, work func(*closekit.Client) error) error {
	if file == "" {
		return p.withClient(ctx, acc, work)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the file that the user names
	if err != nil {
		return usage("--record: "+err.Error(), "name a file in a folder that exists; nothing was sent")
	}
	defer f.Close() //nolint:errcheck // every line is written at once
	rec, err := recording.New(f, recording.Hide(append(p.secrets, p.key())...))
	if err != nil {
		return fmt.Errorf("--record: %w", err)
	}
	err = p.withClient(ctx, acc, func(c *closekit.Client) error { return work(c.With(nil, closekit.WithMiddleware(rec.Middleware))) })
	if failed := rec.Close(); failed != nil {
		p.say("warning: %s is not complete: %v", file, failed)
		return err
	}
	if n := rec.Dropped(); n > 0 {
		p.say("warning: %s lacks %d exchanges", file, n)
	}
	p.say("recorded in %s; names and texts are in it, so read it before you send it", file)
	return err
}

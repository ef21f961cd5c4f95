package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/emulator"
)

// TestEventsFollow prints events as they happen, survives an outage of Close, and goes on
// from its checkpoint after it was interrupted.
func TestEventsFollow(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	client := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))
	lead := func(name string) {
		t.Helper()
		if err := client.Post(t.Context(), "/lead/", map[string]string{"name": name}, nil); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{envAPIKey: srv.APIKey(), envBaseURL: srv.URL()}
	file := filepath.Join(t.TempDir(), "at.json")
	var errs bytes.Buffer
	start := func() (lines chan string, stop func() int) {
		ctx, cancel := context.WithCancelCause(t.Context())
		out, in := io.Pipe()
		code := make(chan int)
		go func() {
			c := Program{}.Run(ctx, []string{"events", "lead.created", "--follow", "--interval", "1s", "--checkpoint", file}, nil, in, &errs, func(name string) string { return env[name] })
			_ = in.Close()
			code <- c
		}()
		lines = make(chan string, 100)
		go func() {
			defer close(lines)
			for scan := bufio.NewScanner(out); scan.Scan(); {
				lines <- scan.Text()
			}
		}()
		return lines, func() int {
			cancel(interruption{os.Interrupt})
			return <-code
		}
	}
	next := func(lines chan string, name string) {
		t.Helper()
		if line := <-lines; !strings.Contains(line, `"name":"`+name+`"`) {
			t.Errorf("got %s, want the event of %s", line, name)
		}
	}
	lines, stop := start()
	for len(srv.Requests()) == 0 { // it has begun
		<-time.After(time.Millisecond)
	}
	lead("One")
	next(lines, "One")
	srv.Fail(emulator.Fault{Status: http.StatusBadGateway, Times: 4}) // more than the client tries
	for {
		n := 0
		for _, r := range srv.Requests() {
			if r.Status == http.StatusBadGateway {
				n++
			}
		}
		if n == 4 {
			break
		}
		<-time.After(time.Millisecond)
	}
	lead("Two")
	next(lines, "Two")
	if code := stop(); code != exitInterrupted {
		t.Errorf("exit code %d\n%s", code, errs.String())
	}
	lead("Three")
	lines, stop = start()
	next(lines, "Three")
	if code := stop(); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	for line := range lines {
		t.Errorf("printed again: %s", line)
	}
}

// TestEventsKinds refuses what is no kind of event or a misspelled one, before anything is
// sent, and reads the log for kinds that Close may have added.
func TestEventsKinds(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	for kind, want := range map[string]string{
		"lead": "there are lead.created", "lead.": "there are lead.created", ".created": "a kind is like", "zzz created": "a kind is like", "a..b": "a kind is like",
		"": "a kind is like", "task.lead": "there are task.lead.created", "lead.craeted": "did you mean lead.created?", "leads.created": "did you mean lead.created?",
		"Lead.Created": "did you mean lead.created?", "status.created": "there are status.lead.created", "contact.merged": "there are contact.created", "export.completed": "there are export.lead.completed",
	} {
		code, out := run(t, "", "events", kind, "--base-url", srv.URL(), "--api-key", srv.APIKey())
		if code != exitUsage || !strings.Contains(out, "is not a kind of event") || !strings.Contains(out, want) {
			t.Errorf("%q: exit code %d: %s", kind, code, out)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
	for kind, want := range map[string]string{"lead.archived": "there are lead.created", "zzz.qqq": "a kind is like"} {
		srv.Reset()
		code, out := run(t, "", "events", kind, "lead.created", "--base-url", srv.URL(), "--api-key", srv.APIKey())
		if code != 0 || !strings.Contains(out, `warning: "`+kind+`" is not a kind of event that Close documents`) || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d: %s", kind, code, out)
		}
		objectType, action, _ := strings.Cut(kind, ".")
		if !slices.ContainsFunc(srv.Requests(), func(r emulator.Request) bool {
			return r.Path == "/api/v1/event/" && r.Query.Get("object_type") == objectType && r.Query.Get("action") == action
		}) {
			t.Errorf("%s: it was not asked for", kind)
		}
	}
}

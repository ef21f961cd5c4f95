package closekit_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit"
)

// flaky answers the first attempt with 429, and counts.
type flaky struct{ sent int }

func (f *flaky) RoundTrip(r *http.Request) (*http.Response, error) {
	f.sent++
	h := http.Header{"Content-Type": {"application/json"}}
	status := 200
	if f.sent == 1 {
		status = 429
		h.Set("Retry-After", "0")
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(`{"id":"item_1","data":[],"has_more":false}`)), Request: r}, nil
}

var errNo = errors.New("ask a person")

// TestGuard tests that a guard sees every call once, however it is made, and that its
// error is returned as it is, before anything is sent and before the credential is
// read.
func TestGuard(t *testing.T) {
	t.Parallel()
	ways := map[string]func(context.Context, *closekit.Client) error{
		"typed call": func(ctx context.Context, c *closekit.Client) error { _, err := get(ctx, c); return err },
		"page":       func(ctx context.Context, c *closekit.Client) error { _, err := list(ctx, c, listParams{}); return err },
		"raw request": func(ctx context.Context, c *closekit.Client) error {
			return c.Do(ctx, closekit.Request{Method: "DELETE", Path: "/item/item_1/"}, nil)
		},
		"sugar": func(ctx context.Context, c *closekit.Client) error {
			return c.Delete(ctx, "/item/item_1/", nil)
		},
		"derived client": func(ctx context.Context, c *closekit.Client) error {
			_, err := get(ctx, c.With(closekit.APIKey("api_other"), closekit.MaxRetries(0), closekit.WithGuard(nil)))
			return err
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, sent := &counted{}, &flaky{}
			client := closekit.NewClient(source, closekit.HTTPClient(&http.Client{Transport: sent}), closekit.WithGuard(func(context.Context, closekit.Request) error { return errNo }))
			if err := way(t.Context(), client); err != errNo {
				t.Errorf("got %v, want the error of the guard", err)
			}
			if sent.sent != 0 || source.reads != 0 {
				t.Errorf("%d requests and %d reads of the credential after a refusal", sent.sent, source.reads)
			}
		})
	}
}

// TestGuardRunsOncePerCall has two guards and a call that is sent twice.
func TestGuardRunsOncePerCall(t *testing.T) {
	t.Parallel()
	var order []string
	note := func(name string) closekit.Guard {
		return func(_ context.Context, req closekit.Request) error {
			order = append(order, name+" "+req.Operation.Tool+" "+req.Path)
			return nil
		}
	}
	sent := &flaky{}
	client := closekit.NewClient(closekit.APIKey("api_x"), closekit.HTTPClient(&http.Client{Transport: sent}), closekit.WithGuard(note("first")), closekit.WithGuard(note("second")))
	if _, err := get(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	want := []string{"first close_item_get /item/item_secretid/", "second close_item_get /item/item_secretid/"}
	if !slices.Equal(order, want) || sent.sent != 2 {
		t.Errorf("guards ran %q for %d attempts, want %q for 2", order, sent.sent, want)
	}
}

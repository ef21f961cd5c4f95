package closekit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/closekit/closekit/internal/codec"
)

// Get reads an endpoint of Close that has no function and decodes the response into
// out, like [json.Unmarshal]; see [Client.Do]. The path is below /api/v1, such as
// /report/x/, and may end with an encoded query. It cannot lead to another host.
//
// In Get, Post, Put and Delete, an out of type *json.RawMessage gets the response
// unchanged, and if out is nil, the response is ignored.
func (c *Client) Get(ctx context.Context, path string, out any, opts ...CallOption) error {
	return c.exchange(ctx, http.MethodGet, path, nil, out, opts)
}

// Post is like [Client.Get], but sends a POST with the JSON of in, encoded like
// [json.Marshal]. If in is nil, the request has no body.
func (c *Client) Post(ctx context.Context, path string, in, out any, opts ...CallOption) error {
	return c.exchange(ctx, http.MethodPost, path, in, out, opts)
}

// Put is like [Client.Post], but sends a PUT. An empty response is {}.
func (c *Client) Put(ctx context.Context, path string, in, out any, opts ...CallOption) error {
	return c.exchange(ctx, http.MethodPut, path, in, out, opts)
}

// Delete is like [Client.Get], but sends a DELETE. An empty response is {}.
func (c *Client) Delete(ctx context.Context, path string, out any, opts ...CallOption) error {
	return c.exchange(ctx, http.MethodDelete, path, nil, out, opts)
}

func (c *Client) exchange(ctx context.Context, method, path string, in, out any, opts []CallOption) error {
	req := Request{Method: method}
	req.Path, req.Query, _ = strings.Cut(path, "?")
	if in != nil {
		var err error
		if req.Body, err = encode(in); err != nil {
			return fmt.Errorf("%s: cannot encode the input: %w", method, err)
		}
	}
	var read func(Response) error
	switch out := out.(type) {
	case nil:
	case *json.RawMessage:
		read = func(r Response) error {
			if err := codec.Valid(r.Body); err != nil {
				return err
			}
			*out = append((*out)[:0:0], r.Body...)
			return nil
		}
	default:
		read = func(r Response) error {
			if len(r.Body) == 0 {
				return errors.New("the body is empty")
			}
			return json.Unmarshal(r.Body, out)
		}
	}
	return c.Do(ctx, req, read, opts...)
}

// encode returns the JSON of v. JSON that v already is stays as it is, for example the
// order of its keys and its spaces.
func encode(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok {
		if err := codec.Valid(raw); err != nil {
			return nil, err
		}
		return append([]byte(nil), raw...), nil // the caller may change its own
	}
	return json.Marshal(v)
}

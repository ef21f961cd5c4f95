// Package hand is a careful hand-written client on net/http. The codec is a
// parameter, so one request path measures them all.
package hand

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Codec is a pair of functions with encoding/json's shape.
type Codec struct {
	Marshal   func(any) ([]byte, error)
	Unmarshal func([]byte, any) error
}

// Client calls Close.
type Client struct {
	base  *url.URL
	hc    *http.Client
	key   string
	codec Codec
}

// New returns a client for the API below base.
func New(hc *http.Client, base, key string, codec Codec) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	return &Client{base: u, hc: hc, key: key, codec: codec}, nil
}

// Error is a response with a status of 400 or more.
type Error struct {
	Status int
	Method string
	Path   string
	Body   []byte
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s %s: status %d: %.200s", e.Method, e.Path, e.Status, e.Body)
}

const maxBody = 64 << 20

func (c *Client) do(ctx context.Context, method, path string, q url.Values, in, out any) error {
	u := *c.base
	u.Path += path
	if len(q) > 0 {
		u.RawQuery = q.Encode()
	}
	var body io.Reader
	if in != nil {
		b, err := c.codec.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return err
	}
	req.SetBasicAuth(c.key, "")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "closekit-bench/1")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.hc.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := readAll(resp)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 400 {
		return &Error{Status: resp.StatusCode, Method: method, Path: path, Body: data}
	}
	return c.codec.Unmarshal(data, out)
}

// readAll reads the body into a buffer of the announced size.
func readAll(resp *http.Response) ([]byte, error) {
	n := resp.ContentLength
	if n <= 0 || n > maxBody {
		return io.ReadAll(io.LimitReader(resp.Body, maxBody))
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(resp.Body, b); err != nil {
		return nil, err
	}
	if m, err := resp.Body.Read(make([]byte, 1)); m > 0 {
		return nil, errors.New("body longer than announced")
	} else if err != nil && err != io.EOF {
		return nil, err
	}
	return b, nil
}

// ListLeads decodes one page into out.
func (c *Client) ListLeads(ctx context.Context, limit, skip int, out any) error {
	q := url.Values{"_limit": {strconv.Itoa(limit)}}
	if skip > 0 {
		q.Set("_skip", strconv.Itoa(skip))
	}
	return c.do(ctx, "GET", "/lead/", q, nil, out)
}

// CreateOpportunity posts in and decodes the response into out.
func (c *Client) CreateOpportunity(ctx context.Context, in, out any) error {
	return c.do(ctx, "POST", "/opportunity/", nil, in, out)
}

// Me decodes the current user into out.
func (c *Client) Me(ctx context.Context, out any) error {
	return c.do(ctx, "GET", "/me/", nil, nil, out)
}

package closekit_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/closekit/closekit"
)

// counted is a source that counts how often its credential is read.
type counted struct{ reads int }

func (s *counted) Credential(context.Context) (closekit.Credential, error) {
	s.reads++
	return closekit.BearerCredential("secret"), nil
}

// sentTo records the URLs of requests.
type sentTo struct{ urls []string }

func (s *sentTo) RoundTrip(r *http.Request) (*http.Response, error) {
	s.urls = append(s.urls, r.URL.String())
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

func TestForAPI(t *testing.T) {
	t.Parallel()
	stock := closekit.API{Name: "Stockroom", BaseURL: "https://stock.example/", Prefix: "/v2"}
	bare := closekit.API{Name: "Bare", BaseURL: "https://bare.example"}
	closeItself := closekit.API{Name: "Close", BaseURL: closekit.DefaultBaseURL, Prefix: "/api/v1"}
	op := func(a *closekit.API) *closekit.Operation {
		return &closekit.Operation{Tool: "it_get", Method: "GET", Path: "/it/", Effect: closekit.Read, API: a}
	}
	proxy := closekit.BaseURL("https://proxy.example/x")
	for name, c := range map[string]struct {
		opts []closekit.Option
		op   *closekit.Operation
		want string // the URL, or the end of the error
	}{
		"close":                {nil, op(nil), "https://api.close.com/api/v1/it/"},
		"close, zero":          {nil, op(&closekit.API{}), "https://api.close.com/api/v1/it/"},
		"close, by name":       {nil, op(&closeItself), "https://api.close.com/api/v1/it/"},
		"client by name":       {[]closekit.Option{closekit.ForAPI(closeItself)}, op(nil), "https://api.close.com/api/v1/it/"},
		"zero client":          {[]closekit.Option{closekit.ForAPI(closekit.API{})}, op(nil), "https://api.close.com/api/v1/it/"},
		"unnamed":              {nil, nil, "https://api.close.com/api/v1/it/"},
		"other":                {[]closekit.Option{closekit.ForAPI(stock)}, op(&stock), "https://stock.example/v2/it/"},
		"other, unnamed":       {[]closekit.Option{closekit.ForAPI(stock)}, nil, "https://stock.example/v2/it/"},
		"no prefix":            {[]closekit.Option{closekit.ForAPI(bare)}, op(&bare), "https://bare.example/it/"},
		"proxy, then other":    {[]closekit.Option{proxy, closekit.ForAPI(stock)}, op(&stock), "https://proxy.example/x/v2/it/"},
		"other, then proxy":    {[]closekit.Option{closekit.ForAPI(stock), proxy}, op(&stock), "https://proxy.example/x/v2/it/"},
		"last wins":            {[]closekit.Option{closekit.ForAPI(bare), closekit.ForAPI(stock)}, op(&stock), "https://stock.example/v2/it/"},
		"another's operation":  {nil, op(&stock), "it_get belongs to the API of Stockroom (https://stock.example/v2), and this client is for Close (https://api.close.com/api/v1); make a client with closekit.ForAPI"},
		"Close's operation":    {[]closekit.Option{closekit.ForAPI(stock)}, op(nil), "it_get belongs to the API of Close (https://api.close.com/api/v1), and this client is for Stockroom (https://stock.example/v2); make a client with closekit.ForAPI"},
		"same proxy, other":    {[]closekit.Option{proxy}, op(&stock), "; make a client with closekit.ForAPI"},
		"no root":              {[]closekit.Option{closekit.ForAPI(closekit.API{Name: "Rootless"})}, nil, "must be the root of the API such as https://api.close.com"},
		"other prefix in root": {[]closekit.Option{closekit.ForAPI(stock), closekit.BaseURL("https://proxy.example/v2")}, op(&stock), "must be the root, without /v2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, sent := &counted{}, &sentTo{}
			client := closekit.NewClient(source, append([]closekit.Option{closekit.HTTPClient(&http.Client{Transport: sent})}, c.opts...)...)
			err := client.Do(t.Context(), closekit.Request{Method: "GET", Path: "/it/", Operation: c.op}, nil)
			if strings.HasPrefix(c.want, "https://") {
				if err != nil || len(sent.urls) != 1 || sent.urls[0] != c.want {
					t.Errorf("sent %q (%v), want %s", sent.urls, err, c.want)
				}
				return
			}
			if err == nil || !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("got the error %v, want %s", err, c.want)
			}
			if source.reads > 0 || len(sent.urls) > 0 {
				t.Errorf("%d credentials were read, and requests went to %q", source.reads, sent.urls)
			}
		})
	}
	t.Run("with", func(t *testing.T) {
		t.Parallel()
		source, sent := &counted{}, &sentTo{}
		client := closekit.NewClient(source, closekit.HTTPClient(&http.Client{Transport: sent}))
		err := client.With(nil, closekit.ForAPI(stock)).Do(t.Context(), closekit.Request{Method: "GET", Path: "/it/"}, nil)
		if err == nil || source.reads > 0 || len(sent.urls) > 0 {
			t.Errorf("a client of another API took the source along: %v, %q", err, sent.urls)
		}
		if err := client.With(&counted{}, closekit.ForAPI(stock)).Do(t.Context(), closekit.Request{Method: "GET", Path: "/it/"}, nil); err != nil {
			t.Error(err)
		}
	})
}

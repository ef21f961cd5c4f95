package closekit_test

import (
	"net/http"
	"testing"

	"github.com/closekit/closekit"
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		base, url string
		want      bool
	}{
		{closekit.DefaultBaseURL, "https://api.close.com/files/x", true},
		{closekit.DefaultBaseURL, "https://app.close.com/go/file/x/", true},
		{closekit.DefaultBaseURL, "http://app.close.com/go/file/x/", false},
		{closekit.DefaultBaseURL, "https://app.close.com:444/go/file/x/", false},
		{closekit.DefaultBaseURL, "https://app.close.com.evil.example/", false},
		{closekit.DefaultBaseURL, "https://close.com/", false},
		{closekit.DefaultBaseURL, "https://bucket.storage.example/x", false},
		{"http://127.0.0.1:1234", "http://127.0.0.1:1234/go/file/x/", true},
		{"http://127.0.0.1:1234", "http://127.0.0.1:1235/go/file/x/", false},
		{"http://127.0.0.1:1234", "https://app.close.com/go/file/x/", false},
		{"https://proxy.example", "https://app.close.com/go/file/x/", false},
	} {
		client := closekit.NewClient(closekit.APIKey("api_test"), closekit.BaseURL(c.base))
		req, err := http.NewRequest(http.MethodGet, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.Authorize(t.Context(), req)
		if err != nil || got != c.want || (req.Header.Get("Authorization") != "") != c.want {
			t.Errorf("client for %s, %s: got %v, header %v, error %v", c.base, c.url, got, req.Header["Authorization"] != nil, err)
		}
	}
	req, err := http.NewRequest(http.MethodGet, "https://api.close.com/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (*closekit.Client)(nil).Authorize(t.Context(), req); err == nil {
		t.Error("a nil client authorizes")
	}
	if _, err := closekit.NewClient(nil).Authorize(t.Context(), req); err == nil {
		t.Error("a client without a source authorizes")
	}
	if _, err := closekit.NewClient(closekit.APIKey("x"), closekit.BaseURL("ftp://x")).Authorize(t.Context(), req); err == nil {
		t.Error("a client with a wrong base URL authorizes")
	}
}

package closekit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"

	"github.com/closekit/closekit"
)

// TestErrorsDoNotRepeatThePeer lets a peer echo the credential, and send control
// characters and long texts, in everything that an error shows.
func TestErrorsDoNotRepeatThePeer(t *testing.T) {
	t.Parallel()
	const key = "api_echoed_key_1234567890"
	const evil = "\x1b[2J\u202Egpj.exe\u009b"
	long := strings.Repeat("x", 100_000)
	quoted := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"f%05d":"is wrong"`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	for about, answer := range map[string]func(auth string) (status int, contentType, body string){
		"message": func(auth string) (int, string, string) {
			return 400, "application/json", `{"error":` + quoted("bad "+auth+" "+key+evil+long) + `}`
		},
		"escaped": func(auth string) (int, string, string) {
			return 400, "application/json", `{"error":` + strings.ReplaceAll(quoted(auth+" "+key), "e", `\u0065`) + `}`
		},
		"field": func(auth string) (int, string, string) {
			return 400, "application/json", `{"field-errors":{` + quoted(auth+evil+long) + `:` + quoted(key+evil+long) + `}}`
		},
		"many fields": func(string) (int, string, string) {
			return 400, "application/json", `{"field-errors":` + many(1000) + `}`
		},
		"not JSON": func(auth string) (int, string, string) { return 200, "text/" + auth + long, key + evil },
		"server":   func(auth string) (int, string, string) { return 503, "text/html " + auth, auth + key + evil },
	} {
		for _, source := range []closekit.Source{closekit.APIKey(key), closekit.Bearer(key)} {
			t.Run(about, func(t *testing.T) {
				t.Parallel()
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					status, contentType, body := answer(r.Header.Get("Authorization"))
					w.Header()["Content-Type"] = []string{contentType}
					w.WriteHeader(status)
					_, _ = io.WriteString(w, body)
				}))
				defer srv.Close()
				c := closekit.NewClient(source, closekit.BaseURL(srv.URL))
				var read struct{}
				err := c.Do(t.Context(), closekit.Request{Method: "POST", Path: "/lead/"}, func(r closekit.Response) error {
					return json.Unmarshal(r.Body, &read)
				}, closekit.NoRetry())
				isQuiet(t, err, key)
				var e *closekit.Error
				if about == "many fields" && (!errors.As(err, &e) || len(e.FieldErrors) != 10 || !strings.HasSuffix(err.Error(), "; and 990 more")) {
					t.Error(err)
				}
			})
		}
	}
	t.Run("status line", func(t *testing.T) {
		t.Parallel()
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			if conn, err := l.Accept(); err == nil {
				b := make([]byte, 1000)
				_, _ = conn.Read(b)
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s%s%s\r\n\r\n", key, evil, long[:3000])
				_ = conn.Close()
			}
		}()
		c := closekit.NewClient(closekit.APIKey(key), closekit.BaseURL("http://"+l.Addr().String()))
		isQuiet(t, c.Do(t.Context(), closekit.Request{Method: "POST", Path: "/lead/"}, nil, closekit.NoRetry()), key)
	})
}

func isQuiet(t *testing.T, err error, key string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	text := fmt.Sprintf("%v %+v", err, err)
	if strings.Contains(text, key) || strings.Contains(text, "YXBpX2VjaG9lZF9r") {
		t.Errorf("repeats the credential: %.500q", text)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }); i >= 0 {
		t.Errorf("has a control character: %.500q", text)
	}
	if len(text) > 5000 {
		t.Errorf("%d bytes", len(text))
	}
	var e *closekit.Error
	if errors.As(err, &e) && strings.Contains(string(e.Body()), key) {
		t.Errorf("the body repeats the credential")
	}
}

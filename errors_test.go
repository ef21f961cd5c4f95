package closekit_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/closekit/closekit"
)

// manyMessages returns n distinct messages.
func manyMessages(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = strconv.Itoa(i)
	}
	return list
}

func TestErrorBodies(t *testing.T) {
	t.Parallel()
	type fe = closekit.FieldError
	for _, c := range []struct {
		about, body string
		message     string
		fields      []fe
	}{
		{"error", `{"error": "Unauthorized"}`, "Unauthorized", nil},
		{"field errors and an empty list", `{"errors": [], "field-errors": {"_limit": "Input should be less than or equal to 200"}}`, "", []fe{{"_limit", "Input should be less than or equal to 200"}}},
		{"field errors alone", `{"field-errors": {"name": "Value must be of basestring type."}}`, "", []fe{{"name", "Value must be of basestring type."}}},
		{"both", `{"errors": ["Template not shared"], "field-errors": {"timezone": "This field is required."}}`, "Template not shared", []fe{{"timezone", "This field is required."}}},
		{"a status besides", `{"error": "no SMS", "status": "has-voice-only"}`, "no SMS", nil},
		{"merge of an unknown lead", `{"errors": ["Source lead does not exist."]}`, "Source lead does not exist.", nil},
		{"error before errors", `{"errors": ["b", "c"], "error": "a"}`, "a; b; c", nil},
		{"many", `{"errors": ["a", ["b", "` + strings.Join(manyMessages(100_000), `", "`) + `"]]}`, "a; b; " + strings.Join(manyMessages(18), "; "), nil},
		{"the same twice", `{"errors": ["a", ["a"]], "error": "a"}`, "a", nil},
		{"an empty error", `{"error": "", "errors": ["", "b"]}`, "b", nil},
		{"errors as a text", `{"errors": "b"}`, "b", nil},
		{"error as a list", `{"error": [["a"]]}`, "a", nil},
		{"error as an object", `{"error": {"code": 5}}`, `{"code": 5}`, nil},
		{"error null", `{"error": null, "errors": null, "field-errors": null}`, "", nil},
		{"error a number", `{"error": 5}`, "", nil},
		{"nested", `{"field-errors": {"contacts": {"errors": {"0": {"errors": ["bad"], "field-errors": {"emails": {"errors": {"1": {"field-errors": {"email": "invalid"}}}}}}}}}}`, "", []fe{{"contacts.0", "bad"}, {"contacts.0.emails.1.email", "invalid"}}},
		{"lists", `{"field-errors": {"b": ["x", "y"], "a": [{"c": "z"}, null, ""]}}`, "", []fe{{"a.c", "z"}, {"b", "x"}, {"b", "y"}}},
		{"other values", `{"field-errors": {"a": 5, "b": true, "c": null, "d": {}}}`, "", []fe{{"a", "5"}, {"b", "true"}}},
		{"a field of the name errors", `{"field-errors": {"errors": "x"}}`, "", []fe{{"errors", "x"}}},
		{"an empty list of field errors", `{"error": "a", "field-errors": []}`, "a", nil},
		{"a list of field errors", `{"error": "a", "field-errors": ["b"]}`, "a", []fe{{"", "b"}}},
		{"a text of field errors", `{"error": "a", "field-errors": "b"}`, "a", []fe{{"", "b"}}},
		{"many lines", `{"error": "a\n  b\tc"}`, "a b c", nil},
		{"a long text", `{"error": "` + strings.Repeat("é", 400) + `"}`, strings.Repeat("é", 250) + "…", nil},
		{"cut inside a character", `{"error": "x` + strings.Repeat("é", 400) + `"}`, "x" + strings.Repeat("é", 249) + "…", nil},
		{"an old 429", `{"message": "API call count exceeded", "rate_reset": "0.595956"}`, "API call count exceeded", nil},
		{"message beside error", `{"message": "b", "error": "a"}`, "a; b", nil},
		{"too deep", `{"field-errors": ` + strings.Repeat(`{"a":`, 20) + `"x"` + strings.Repeat("}", 20) + "}", "", []fe{{"a" + strings.Repeat(".a", 15), `{"a":{"a":{"a":{"a":"x"}}}}`}}},
		{"a list", `["x"]`, "", nil},
		{"a text", `"x"`, "", nil},
		{"a page", `<html>x</html>`, "", nil},
		{"nothing", ``, "", nil},
		{"cut off", `{"error": "x`, "", nil},
		{"not UTF-8", "{\"error\": \"a\xffb\"}", "a\ufffdb", nil},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			cl, _ := client(respond(400, c.body))
			_, err := get(t.Context(), cl)
			e := as[*closekit.Error](t, err)
			if e.Message != c.message || !reflect.DeepEqual(e.FieldErrors, c.fields) {
				t.Errorf("message %q, fields %q", e.Message, e.FieldErrors)
			}
			if e.Status != 400 || e.Tool != "close_item_get" || e.Method != "GET" || e.Path != "/api/v1/item/{item_id}/" || string(e.Body()) != c.body || e.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%+v", e)
			}
			if strings.Contains(err.Error(), "secretid") || strings.Contains(err.Error(), "\n") {
				t.Error(err)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step step
		want string
	}{
		{respond(400, `{"error":"Bad.","field-errors":{"a":"x","b":"y"}}`), "close_item_get: GET /api/v1/item/{item_id}/: 400 Bad Request: Bad.: a: x; b: y"},
		{respond(401, `{"error":"Unauthorized"}`), "close_item_get: GET /api/v1/item/{item_id}/: 401 Unauthorized: Unauthorized (check the API key or token; on some endpoints it also means that the user lacks the permission)"},
		{respond(402, `{}`), "close_item_get: GET /api/v1/item/{item_id}/: 402 Payment Required (a limit of the organization's plan)"},
		{respond(403, `{}`), "close_item_get: GET /api/v1/item/{item_id}/: 403 Forbidden (the user lacks the permission)"},
		{notFound, "close_item_get: GET /api/v1/item/{item_id}/: 404 Not Found: Empty query: Lead matching query does not exist. (it does not exist, or the user may not see it)"},
		{respond(404, `not here`), "close_item_get: GET /api/v1/item/{item_id}/: 404 Not Found (the response did not come from Close; check the base URL and any proxy)"},
		{respond(400, `<html>`, "Content-Type", "text/html"), "close_item_get: GET /api/v1/item/{item_id}/: 400 Bad Request (the response did not come from Close; check the base URL and any proxy)"},
		{respond(429, `<html>busy</html>`, "Content-Type", "text/html"), "close_item_get: GET /api/v1/item/{item_id}/: 429 Too Many Requests (the service is busy or unavailable; wait and try again)"},
		{respond(503, `<html>busy</html>`, "Content-Type", "text/html"), "close_item_get: GET /api/v1/item/{item_id}/: 503 Service Unavailable (the service is busy or unavailable; wait and try again)"},
		{respond(418, ``), "close_item_get: GET /api/v1/item/{item_id}/: 418 I'm a teapot"},
	} {
		cl, _ := client(c.step)
		_, err := get(t.Context(), cl, closekit.NoRetry())
		for _, f := range []string{"%v", "%s", "%+v", "%#v", "%d"} {
			if got := fmt.Sprintf(f, as[*closekit.Error](t, err)); got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", f, got, c.want)
			}
		}
	}
}

func TestSentinels(t *testing.T) {
	t.Parallel()
	all := []error{closekit.ErrBadRequest, closekit.ErrUnauthorized, closekit.ErrPaymentRequired, closekit.ErrForbidden, closekit.ErrNotFound, closekit.ErrConflict, closekit.ErrRateLimited, closekit.ErrServer, closekit.ErrSkipLimit}
	for status, want := range map[int]error{
		400: closekit.ErrBadRequest, 422: closekit.ErrBadRequest, 401: closekit.ErrUnauthorized, 402: closekit.ErrPaymentRequired, 403: closekit.ErrForbidden, 404: closekit.ErrNotFound,
		409: closekit.ErrConflict, 429: closekit.ErrRateLimited, 500: closekit.ErrServer, 503: closekit.ErrServer, 599: closekit.ErrServer, 405: nil, 415: nil, 302: nil,
	} {
		cl, _ := client(respond(status, `{"error":"x"}`))
		_, err := get(t.Context(), cl, closekit.NoRetry())
		err = fmt.Errorf("wrapped: %w", err)
		for _, s := range all {
			if errors.Is(err, s) != (s == want) {
				t.Errorf("%d: %v", status, s)
			}
		}
		if closekit.IsNotFound(err) != (status == 404) || closekit.IsUnauthorized(err) != (status == 401) || closekit.IsRateLimited(err) != (status == 429) || closekit.IsValidation(err) != (want == closekit.ErrBadRequest) {
			t.Errorf("%d: predicates", status)
		}
	}
	if closekit.IsNotFound(nil) || closekit.IsValidation(nil) || !closekit.IsValidation(&closekit.ValidationError{}) {
		t.Error("predicates without a response")
	}
}

// endless is a body without an end.
type endless struct{ n int64 }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	e.n += int64(len(b))
	return len(b), nil
}

func TestEndlessBodies(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400} {
		src := &endless{}
		cl, _ := client(func(r *http.Request) (*http.Response, error) {
			resp, _ := respond(status, "")(r)
			resp.Body, resp.ContentLength = io.NopCloser(src), -1
			return resp, nil
		})
		_, err := get(t.Context(), cl.With(nil, closekit.MaxResponseBytes(3<<20)))
		if src.n > 8<<20 {
			t.Errorf("%d: read %d bytes", status, src.n)
		}
		if status == 400 {
			if e := as[*closekit.Error](t, err); len(e.Body()) != 1<<20 {
				t.Errorf("kept %d bytes", len(e.Body()))
			}
			continue
		}
		if e := as[*closekit.DecodeError](t, err); len(e.Body()) != 1<<20 || !strings.Contains(err.Error(), "larger than 3145728 bytes") {
			t.Errorf("kept %d bytes: %v", len(e.Body()), err)
		}
	}
}

// TestNestedErrorBodies responds with error bodies that are expensive to parse; a
// naive parser would hang.
func TestNestedErrorBodies(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{15, 150, 9000, 100000} {
		for _, body := range []string{
			`{"error":` + strings.Repeat("[", depth) + `"` + strings.Repeat("x", 1<<18) + `"` + strings.Repeat("]", depth) + "}",
			`{"field-errors":` + strings.Repeat("[", depth) + `"` + strings.Repeat("x", 1<<18) + `"` + strings.Repeat("]", depth) + "}",
			`{"field-errors":` + strings.Repeat(`{"a":`, depth) + `"` + strings.Repeat("x", 1<<18) + `"` + strings.Repeat("}", depth) + "}",
		} {
			cl, _ := client(respond(400, body))
			_, err := get(t.Context(), cl)
			if e := as[*closekit.Error](t, err); len(err.Error()) > 2000 || e.Status != 400 {
				t.Errorf("%.200s", err)
			}
		}
	}
}

func FuzzError(f *testing.F) {
	for _, s := range []string{`{"error":"x"}`, `{"errors":["x",["y"]],"field-errors":{"a":{"errors":{"0":"b"}}}}`, `{"field-errors":[]}`, `<html>`, ``, `[`, `{"error":{}}`} {
		f.Add(400, s, "application/json")
		f.Add(503, s, "text/html")
	}
	f.Fuzz(func(t *testing.T, status int, body, kind string) {
		if status < 300 || status > 599 || status == 429 {
			return
		}
		cl, _ := client(respond(status, body, "Content-Type", kind))
		_, err := get(t.Context(), cl, closekit.NoRetry())
		e := as[*closekit.Error](t, err)
		if e.Status != status || string(e.Body()) != body || len(e.Message) > 510 || strings.Contains(e.Message, "\n") || fmt.Sprintf("%+v", e) != e.Error() {
			t.Fatalf("%+v", e)
		}
	})
}

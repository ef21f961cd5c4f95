package manifest_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

const previewed = `
resource: things
types:
  User:
    about: A user.
    fields:
      name: {type: string, access: read}
  Thing:
    about: A thing.
    fields:
      id:      {type: id thing, access: read}
      name:    {type: string}
      user_id: {type: id user}
tools:
  close_user_get:
    http: GET /user/{user_id}/
    does: Fetch a user.
    returns: User
  close_thing_get:
    http: GET /thing/{thing_id}/
    does: Fetch a thing.
    returns: Thing
  close_things_list:
    http: GET /thing/
    does: List things.
    params:
      user_id: {type: list id user}
    returns: list Thing
  close_thing_create:
    http: POST /thing/
    does: Create a thing.
    takes: Thing
    returns: Thing
    preview: []
  close_thing_update:
    http: PUT /thing/{thing_id}/
    does: Change a thing.
    takes: Thing
    returns: Thing
  close_user_delete:
    http: DELETE /user/{user_id}/
    does: Delete a user with all things.
    returns: nothing
    preview:
      - {get: close_user_get, with: {user_id: user_id}, show: [name]}
      - {list: close_things_list, with: {user_id: user_id}, count: things}
`

// previews prints what every tool shows before it is called.
func previews(t *testing.T, additions ...string) string {
	t.Helper()
	files := []fs.FS{fstest.MapFS{
		"close.yaml": {Data: []byte("api: Close\nbase_url: https://api.close.com\nids:\n" +
			"  thing: {prefix: thing}\n  user: {prefix: user, get: close_user_get, show: [name]}\n")},
		"things.yaml": {Data: []byte(previewed)},
	}}
	for _, text := range additions {
		files = append(files, fstest.MapFS{"more.yaml": {Data: []byte(text)}})
	}
	api, err := check(files...)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, tool := range api.Tools() {
		for _, p := range tool.Preview {
			fmt.Fprintln(&b, tool.Name, p.Tool, p.With, p.Show, p.Count)
		}
	}
	return b.String()
}

func TestPreview(t *testing.T) {
	t.Parallel()
	const name = "[{name 0 []}]"
	want := "close_thing_update close_thing_get [[thing_id thing_id]] [] \n" +
		"close_thing_update close_user_get [[user_id user_id]] " + name + " \n" +
		"close_user_delete close_user_get [[user_id user_id]] " + name + " \n" +
		"close_user_delete close_things_list [[user_id user_id]] [] things\n"
	if got := previews(t); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A tool that replaces another one shows records in its place, if it can.
func TestPreviewReplaced(t *testing.T) {
	t.Parallel()
	got := previews(t, `
resource: others
tools:
  our_user_get:
    http: GET /user/{user_id}/
    does: Fetch a user in our way.
    returns: User
    replaces: close_user_get
  our_things:
    http: GET /thing/
    does: Fetch all things at once.
    returns: User
    replaces: close_things_list
`)
	const name = "[{name 0 []}]"
	want := "close_thing_update close_thing_get [[thing_id thing_id]] [] \n" +
		"close_thing_update our_user_get [[user_id user_id]] " + name + " \n" +
		"close_user_delete our_user_get [[user_id user_id]] " + name + " \n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

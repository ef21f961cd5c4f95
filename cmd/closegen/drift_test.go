package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestDrift(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	spec, traffic, known := filepath.Join(dir, "spec.json"), filepath.Join(dir, "traffic.jsonl"), filepath.Join(dir, "known.txt")
	write(t, spec, `{"openapi":"3.0.1","paths":{"/me/":{"get":{"parameters":[{"name":"shiny","in":"query","schema":{"type":"string"}},{"name":"_fields","in":"query"}]}},"/new/":{"get":{}}}}`)
	write(t, traffic, `{"closekit_recording":1}`+"\n"+`{"method":"GET","path":"/api/v1/me/","status":200,"response":{"id":7}}`+"\n")
	const line = "new query parameter shiny of close_me_get, GET /me/: string"
	closegen("drift", "-openapi", spec, "-tools", "close_me_get").want(t, exitDrift, line+"\n# 1 operation compared, 1 difference\n", "")
	closegen("drift", "-openapi", spec).want(t, exitDrift, "new operation GET /new/", "")
	closegen("drift", "-recording", traffic).want(t, exitDrift, "different response member id of close_me_get, GET /me/: string in the manifest, integer here", "")

	var report struct {
		Operations  int
		Differences []struct{ Change, Kind, Tool, Name string }
	}
	r := closegen("drift", "--openapi", spec, "--tools", "close_me_get", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || r.code != exitDrift || report.Operations != 1 || len(report.Differences) != 1 || report.Differences[0].Name != "shiny" {
		t.Errorf("exit code %d, %v: %s", r.code, err, r.stdout)
	}
	write(t, known, "# asked for, never answered\n"+line+"\nnew moon\n")
	closegen("drift", "-openapi", spec, "-tools", "close_me_get", "-accept", known).want(t, 0, "0 differences, 1 accepted", "no longer a difference, take it out of "+known+": new moon")

	closegen("drift", "-help").want(t, 0, "-recording file", "")
	closegen("drift").want(t, 2, "", "one of -openapi and -recording")
	closegen("drift", "-openapi", spec, "-recording", traffic).want(t, 2, "", "one of -openapi and -recording")
	closegen("drift", "-openapi", filepath.Join(dir, "none")).want(t, 3, "", "none")
	closegen("drift", "-openapi", traffic).want(t, 3, "", "traffic.jsonl: the specification")
	closegen("drift", "-openapi", spec, "-accept", dir).want(t, 3, "", "-accept takes a file")
	if !strings.Contains(closegen("-help").stdout, "closegen drift -help") {
		t.Error("the help does not name drift")
	}
}

// Package synth creates manifests of any size: the manifest of Close with its
// resources copied under new names, to measure how the cost of generation grows
// with the number of operations.
package synth

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing/fstest"

	"github.com/closekit/closekit/manifest"
)

var (
	// A name of a type or enum, or of a tool, that a resource file defines.
	defined  = regexp.MustCompile(`(?m)^  ([A-Z][A-Za-z0-9]*|close_[a-z0-9_]+):`)
	resource = regexp.MustCompile(`(?m)^resource: (\w+)`)
	route    = regexp.MustCompile(`(?m)^(    http: [A-Z]+ )(/)`)
	hook     = regexp.MustCompile(`(?m)^(    action: )`)
	word     = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
)

// Manifest returns the manifest with n copies of every resource.
func Manifest(n int) (fs.FS, error) {
	out := fstest.MapFS{}
	from := manifest.Embedded()
	names, err := fs.Glob(from, "*/*.yaml")
	if err != nil {
		return nil, err
	}
	names = append(names, "close.yaml")
	texts := map[string]string{}
	own := map[string]bool{} // names that each copy renames
	for _, name := range names {
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, err
		}
		out[name] = &fstest.MapFile{Data: b}
		if name == "close.yaml" {
			continue
		}
		texts[name] = string(b)
		for _, m := range defined.FindAllStringSubmatch(texts[name], -1) {
			own[m[1]] = true
		}
	}
	for i := 2; i <= n; i++ {
		for name, text := range texts {
			text = word.ReplaceAllStringFunc(text, func(w string) string {
				switch {
				case !own[w]:
					return w
				case strings.HasPrefix(w, "close_"):
					return fmt.Sprintf("close_copy%d_%s", i, strings.TrimPrefix(w, "close_"))
				}
				return fmt.Sprintf("Copy%d%s", i, w)
			})
			text = resource.ReplaceAllString(text, fmt.Sprintf("resource: ${1}_copy%d", i))
			text = route.ReplaceAllString(text, fmt.Sprintf("${1}/copy%d/", i))
			text = hook.ReplaceAllString(text, fmt.Sprintf("${1}copy%d_", i))
			out[fmt.Sprintf("%s_copy%d.yaml", strings.TrimSuffix(name, ".yaml"), i)] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return out, nil
}

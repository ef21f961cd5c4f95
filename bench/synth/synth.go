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
	family   = regexp.MustCompile(`(?m)^each:`)
	group    = regexp.MustCompile(`(?m)^params:\n(?:(?:  .*)?\n)*`) // parameters that the copies share
	word     = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
)

// Manifest returns the manifest with n copies of every resource, but of families of
// resources, which stay as they are.
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
		if family.Match(b) { // its names are put together, and not in the text
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
			text = group.ReplaceAllString(text, "")
			text = resource.ReplaceAllString(text, fmt.Sprintf("resource: ${1}_copy%d", i))
			text = route.ReplaceAllString(text, fmt.Sprintf("${1}/copy%d/", i))
			text = hook.ReplaceAllString(text, fmt.Sprintf("${1}copy%d_", i))
			out[fmt.Sprintf("%s_copy%d.yaml", strings.TrimSuffix(name, ".yaml"), i)] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return out, nil
}

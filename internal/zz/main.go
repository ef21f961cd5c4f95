package main

import (
	"fmt"

	"github.com/closekit/closekit/manifest"
)

func main() {
	d, err := manifest.Load(manifest.Embedded())
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := manifest.Check(d)
	if err != nil {
		fmt.Println(err)
		return
	}
	n, f := 0, 0
	for _, r := range a.Resources {
		for _, o := range r.Types {
			f += len(o.Fields)
		}
	}
	for _, t := range a.Tools() {
		n += len(t.Params)
	}
	fmt.Println(len(a.Tools()), "tools", n, "params", f, "fields")
}

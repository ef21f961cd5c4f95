package main

import (
	"fmt"
	"os"

	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/tiktoken-go/tokenizer"
)

func main() {
	enc, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		panic(err)
	}
	for _, p := range []lower.Profile{lower.Full, lower.Lean} {
		total := 0
		for _, x := range tools.All() {
			d, err := lower.Definition(tool.OfCatalog(x), lower.OpenAIChat, p, lower.Options{})
			if err != nil {
				panic(err)
			}
			n, _ := enc.Count(string(d))
			total += n + 1
			if len(os.Args) > 1 && os.Args[1] == string(p) {
				fmt.Println(n, string(d))
			}
		}
		fmt.Println(p, total)
	}
}

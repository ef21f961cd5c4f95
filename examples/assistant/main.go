// Command assistant plays a sales assistant at work on an emulated Close. It
// needs no account, and nothing leaves the computer.
//
// Package demo holds the code, and prints the parts of it that call Close while
// they run. "closekit demo" plays it too, and can play it in a real account.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/closekit/closekit/examples/assistant/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := demo.Emulated(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "assistant:", err)
		os.Exit(1)
	}
}

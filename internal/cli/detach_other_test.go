//go:build !unix

package cli

func detach() {}

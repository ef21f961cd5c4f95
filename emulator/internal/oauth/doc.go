// Package oauth is the emulated OAuth server: consent page, codes, tokens that
// rotate, and revocation.
package oauth

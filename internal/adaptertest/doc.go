// Package adaptertest has what every adapter for a model's SDK or an agent framework
// must do. The adapter's test plugs in its loops, which talk with a scripted model of
// package modeltest and an emulated Close.
package adaptertest

// Package hooks delivers the events of an emulated Close to webhook subscriptions:
// it filters, signs, retries and counts.
package hooks

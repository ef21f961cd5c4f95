// Package accounts keeps the Close accounts of many users connected: it leads
// each user through the consent, keeps the tokens sealed, renews them ahead of
// time, and hands out a credential only to the user it belongs to.
package accounts
